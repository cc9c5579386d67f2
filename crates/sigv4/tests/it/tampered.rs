//! Each byte of each request of botocore's, changed in turn.
//!
//! A changed request is refused, unless it still says the same: then it has the same canonical form by design,
//! and is accepted. What "the same" is, is written down here a second time, part by part, without the code
//! under test, and each change is held against it in both directions.

use expect_test::{Expect, expect};

use crate::request::{Fixture, Raw};

/// Changes each byte of one part of each fixture, and compares what is accepted with what says the same.
///
/// `bytes` returns a part of a request to write into; `meaning` what may not change in it.
#[track_caller]
fn check<M: PartialEq>(
    parts: fn(&Raw) -> usize,
    bytes: fn(&mut Raw, usize) -> &mut Vec<u8>,
    meaning: fn(&Fixture, &Raw, usize) -> M,
    expected: Expect,
) {
    let [mut not_http, mut refused, mut same] = [0; 3];
    for fixture in Fixture::all() {
        let original = fixture.raw();
        for part in 0..parts(&original) {
            for place in 0..bytes(&mut original.clone(), part).len() {
                let mut changed = original.clone();
                let byte = bytes(&mut changed, part)[place];
                for other in others(byte) {
                    bytes(&mut changed, part)[place] = other;
                    let Some(request) = changed.read() else {
                        not_http += 1;
                        continue;
                    };
                    let says_the_same =
                        meaning(&fixture, &changed, part) == meaning(&fixture, &original, part);
                    let answer = request.authenticate(fixture.now);
                    assert_eq!(
                        answer.is_ok(),
                        says_the_same,
                        "{answer:?}: {:?} for {:?} at {place} of {fixture:?}",
                        char::from(other),
                        char::from(byte),
                    );
                    if says_the_same { same += 1 } else { refused += 1 }
                }
            }
        }
    }
    expected.assert_eq(&format!("not HTTP {not_http}, refused {refused}, the same {same}"));
}

/// What stands in the place of a byte: its neighbour, a letter in the other case (which changes `/`, digits and
/// punctuation too), and for a blank the other blank.
fn others(byte: u8) -> impl Iterator<Item = u8> {
    let other_blank = match byte {
        b' ' => Some(b'\t'),
        b'\t' => Some(b' '),
        _ => None,
    };
    [byte ^ 0x01, byte ^ 0x20].into_iter().chain(other_blank)
}

#[test]
fn the_method() {
    check(
        |_| 1,
        |raw, _| &mut raw.method,
        |_, raw, _| raw.method.clone(),
        expect!["not HTTP 8, refused 1812, the same 0"],
    );
}

// A body may be another where it is left open: in URLs of S3, and where a request says so.
#[test]
fn the_body() {
    check(
        |_| 1,
        |raw, _| &mut raw.body,
        |fixture, raw, _| {
            let says_so =
                raw.headers.iter().any(|(_, value)| value.as_slice() == b"UNSIGNED-PAYLOAD");
            let is_open = says_so || fixture.signer == "S3SigV4QueryAuth";
            (!is_open).then(|| raw.body.clone())
        },
        expect!["not HTTP 0, refused 2531, the same 16"],
    );
}

// The fixtures' URLs are sent without a body. Those of S3 are good with any, and so are the two of SageMaker
// whose signer was told to leave it open.
#[test]
fn a_url_leaves_the_body_open_where_its_maker_did() {
    let mut open: Vec<String> = Vec::new();
    for fixture in Fixture::all().iter().filter(|fixture| fixture.is_presigned()) {
        let mut raw = fixture.raw();
        let announces = raw.headers.iter().any(|(name, _)| name == "X-Amz-Content-SHA256");
        raw.body = b"another".to_vec();
        let answer = raw.authenticate(fixture.now);
        match (&*fixture.service, answer.is_ok()) {
            ("s3", is_ok) => assert_ne!(is_ok, announces, "{answer:?}: {fixture:?}"),
            (service, true) => open.push(service.to_owned()),
            (_, false) => {}
        }
    }
    assert_eq!(open, ["sagemaker", "sagemaker"]);
}

/// The path and the query, decoded, with a `+` read as a space and in no order, as servers read forms.
/// Outside of S3, empty and dot segments say nothing; whether a `/` ends the path does.
type Target = (Vec<String>, bool, Vec<(String, String)>);

fn target(fixture: &Fixture, raw: &Raw, _: usize) -> Target {
    let target = String::from_utf8(raw.target.clone()).unwrap();
    // What stands behind `#` is not sent to servers, and `Uri` drops it.
    let sent = target.split('#').next().unwrap_or_default();
    let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
    let mut pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    // An empty pair is signed, though nobody reads it.
    let is_empty = |pair: &&str| pair.is_empty() && !query.is_empty();
    pairs.extend(query.split('&').filter(is_empty).map(|_| Default::default()));
    pairs.sort();
    if fixture.service == "s3" {
        return (vec![path.to_owned()], false, pairs);
    }
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        if segment == ".." {
            segments.pop();
        } else if !segment.is_empty() && segment != "." {
            segments.push(segment.to_owned());
        }
    }
    let ends_with_slash = path.ends_with('/') && !segments.is_empty();
    (segments, ends_with_slash, pairs)
}

// Accepted: `/./` that becomes `///`, and `%2f` for `%2F` in a query. In a path that would be another name.
// The query has all parts of a presigned URL's signature. Some 90,000 requests are verified.
#[test]
fn the_path_and_the_query() {
    check(
        |_| 1,
        |raw, _| &mut raw.target,
        target,
        expect!["not HTTP 20281, refused 72733, the same 1342"],
    );
}

/// Headers that botocore does not sign, or cannot, since they come later.
const NOT_SIGNED: [&str; 6] = [
    "accept-encoding",
    "user-agent",
    "content-length",
    "connection",
    "x-amzn-trace-id",
    "authorization",
];

fn signed_headers(raw: &Raw) -> Vec<usize> {
    let is_signed = |name: &String| !NOT_SIGNED.contains(&name.to_ascii_lowercase().as_str());
    (0..raw.headers.len()).filter(|&i| is_signed(&raw.headers[i].0)).collect()
}

// Accepted: a tab for a space and the other way round, since a run of blanks is one space.
#[test]
fn each_signed_header() {
    check(
        |raw| signed_headers(raw).len(),
        |raw, part| {
            let place = signed_headers(raw)[part];
            &mut raw.headers[place].1
        },
        |_, raw, part| {
            let value = String::from_utf8(raw.headers[signed_headers(raw)[part]].1.clone());
            value.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
        },
        expect!["not HTTP 8669, refused 40271, the same 170"],
    );
}

fn authorizations(raw: &Raw) -> Vec<usize> {
    let is_one = |&i: &usize| raw.headers[i].0 == "Authorization";
    (0..raw.headers.len()).filter(is_one).collect()
}

// The algorithm, the credential with its date, region and service, the names of the signed headers, and the
// signature. Accepted: a tab for the space behind the algorithm or a comma. With another first letter the header
// is none of AWS's, and the request one without a signature, which is refused here too.
#[test]
fn the_authorization() {
    check(
        |raw| authorizations(raw).len(),
        |raw, part| {
            let place = authorizations(raw)[part];
            &mut raw.headers[place].1
        },
        |_, raw, part| {
            let value = String::from_utf8(raw.headers[authorizations(raw)[part]].1.clone());
            value.unwrap().replace('\t', " ")
        },
        expect!["not HTTP 12176, refused 51230, the same 459"],
    );
}

/// Rewrites a request into another that says the same.
fn rewritten(fixture: &Fixture) -> Raw {
    let mut raw = fixture.raw();
    let target = String::from_utf8(raw.target).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = if fixture.service == "s3" { path.to_owned() } else { format!("/.//x/..{path}") };
    let mut pairs: Vec<String> = query
        .split('&')
        .map(|pair| {
            // An escape is a `%` and two digits, whose case does not matter.
            let mut pieces = pair.split('%');
            let mut pair = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
                pair += &format!("%{}{rest}", digits.to_ascii_lowercase());
            }
            pair
        })
        .collect();
    pairs.reverse();
    raw.target = if query.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }.into();
    for (name, value) in &mut raw.headers {
        let text = std::str::from_utf8(value).unwrap();
        let spaced = format!(" \t{}  ", text.replace(' ', "\t  "));
        *value = spaced.into_bytes();
        *name = name.to_ascii_uppercase();
    }
    raw.headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    raw
}

#[test]
fn what_says_the_same_in_other_bytes_is_accepted() {
    for fixture in Fixture::all() {
        let raw = rewritten(&fixture);
        assert_eq!(raw.authenticate(fixture.now), Ok(()), "{raw:?}");
    }
}

// A byte that is gone or new, wherever it may be in the target: some 90,000 requests too.
#[test]
fn a_target_that_is_shorter_or_longer() {
    for fixture in Fixture::all() {
        let original = fixture.raw();
        let meant = target(&fixture, &original, 0);
        for place in 1..original.target.len() {
            let mut shorter = original.clone();
            shorter.target.remove(place);
            let mut longer = original.clone();
            longer.target.insert(place, b'/');
            for changed in [shorter, longer] {
                let Some(request) = changed.read() else { continue };
                let says_the_same = target(&fixture, &changed, 0) == meant;
                let answer = request.authenticate(fixture.now);
                assert_eq!(answer.is_ok(), says_the_same, "{answer:?}: {changed:?}");
            }
        }
    }
}

// The headers that name themselves: a signed one that is gone, one more of its name, and a new `x-amz-*`.
#[test]
fn headers_that_come_and_go() {
    for fixture in Fixture::all() {
        let original = fixture.raw();
        for place in signed_headers(&original) {
            let mut fewer = original.clone();
            let (name, _) = fewer.headers.remove(place);
            assert!(fewer.authenticate(fixture.now).is_err(), "without {name}: {fixture:?}");
            let mut more = original.clone();
            more.headers.push((name.clone(), b"more".to_vec()));
            assert!(more.authenticate(fixture.now).is_err(), "more {name}: {fixture:?}");
        }
        let mut more = original.clone();
        more.headers.push(("X-Amz-Acl".to_owned(), b"public-read".to_vec()));
        assert!(more.authenticate(fixture.now).is_err(), "{fixture:?}");
    }
}
