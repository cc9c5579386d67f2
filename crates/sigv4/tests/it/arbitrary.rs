//! Whatever comes is answered.

use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sigv4::{RequestHead, authenticate, body_sha256};

use crate::request::{SECRET, SERVICES};

/// Pieces of signatures, so that more than the first check is reached, and anything else.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "AWS4-HMAC-SHA256",
        "AWS4-",
        " ",
        ",",
        ";",
        "=",
        "&",
        "%2",
        "/",
        "Credential=",
        "A/20150830/us-east-1/s3/aws4_request",
        "SignedHeaders=",
        "host;x-amz-date",
        "Signature=",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        "20150830T123600Z",
        "X-Amz-Algorithm=",
        "X-Amz-Credential=",
        "X-Amz-Date=",
        "X-Amz-Expires=",
        "X-Amz-SignedHeaders=",
        "X-Amz-Signature=",
        "UNSIGNED-PAYLOAD",
        "STREAMING-",
    ]);
    prop_oneof![3 => known.prop_map(|text| text.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..6)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..16).prop_map(|pieces| pieces.concat())
}

fn answer(uri: &Uri, headers: &HeaderMap) {
    let head = RequestHead::new(&Method::GET, uri, headers);
    let _ = authenticate(head, &body_sha256(b""), &SERVICES, 1_440_938_160, |_| Some(SECRET));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_headers_are_answered(values in vec((0..5usize, text()), 0..6)) {
        let names = ["authorization", "x-amz-date", "date", "x-amz-content-sha256", "host"];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(names[name], value);
            }
        }
        answer(&Uri::from_static("/a//../b?c=d"), &headers);
    }

    #[test]
    fn any_query_is_answered(query in text(), path in text()) {
        let target = [b"/", &path[..], b"?", &query[..]].concat();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h"));
        if let Ok(uri) = Uri::try_from(&target[..]) {
            answer(&uri, &headers);
        }
    }

    // Long enough to reach the comparison: all parts of a URL are there, and one is anything.
    #[test]
    fn a_url_with_one_strange_part_is_answered(place in 0..6usize, strange in text()) {
        let names = ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"];
        let mut values = [
            "AWS4-HMAC-SHA256",
            "A%2F20150830%2Fus-east-1%2Fs3%2Faws4_request",
            "20150830T123600Z",
            "60",
            "host",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ]
        .map(|value| value.as_bytes().to_vec());
        values[place] = strange;
        let mut target = b"/?".to_vec();
        for (name, value) in names.iter().zip(values) {
            target.extend_from_slice(format!("X-Amz-{name}=").as_bytes());
            target.extend(value);
            target.push(b'&');
        }
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h"));
        if let Ok(uri) = Uri::try_from(&target[..]) {
            answer(&uri, &headers);
        }
    }
}
