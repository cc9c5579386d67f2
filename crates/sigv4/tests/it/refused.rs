//! What is refused, in which words, and under which of AWS's names.

use expect_test::{Expect, expect};
use sigv4::{Protocol, SignatureError, authenticate, body_sha256};

use crate::request::{Fixture, Raw, SECRET};

const NOW: u64 = 1_440_938_160;

/// The example of AWS's guide.
fn list_users() -> Raw {
    Raw::get(
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            ("Host", "iam.amazonaws.com"),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("X-Amz-Date", "20150830T123600Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ],
    )
}

fn url(changed: &str, value: &str) -> Raw {
    let parts = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request"),
        ("X-Amz-Date", "20150830T123600Z"),
        ("X-Amz-Expires", "60"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Signature", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
    ];
    let part = |(name, old)| format!("{name}={}", if name == changed { value } else { old });
    Raw::get(&format!("/?{}", parts.map(part).join("&")), &[("Host", "h")])
}

/// Shows why each request is refused, a line for each.
#[track_caller]
fn check(requests: &[Raw], expected: Expect) {
    let text = |request: &Raw| format!("{}\n", request.authenticate(NOW).unwrap_err());
    expected.assert_eq(&requests.iter().map(text).collect::<String>());
}

/// Puts `to` for `from` in the header `Authorization`.
fn authorized(from: &str, to: &str) -> Raw {
    let mut request = list_users();
    let value = request.header("authorization");
    let text = std::str::from_utf8(value).unwrap();
    assert!(text.contains(from));
    *value = text.replace(from, to).into_bytes();
    request
}

fn with(name: &str, value: &str) -> Raw {
    let mut request = list_users();
    request.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    request
}

#[test]
fn without_a_signature() {
    check(
        &[Raw::get("/?X-Amz-Date=20150830T123600Z", &[("Host", "h")])],
        expect![[r#"
        the request carries no signature; sign it with AWS Signature Version 4, as the AWS SDKs do once they have an access key
    "#]],
    );
    for scheme in ["Bearer abc", "Basic YTpi", "", "AW", "Ä"] {
        let request = Raw::get("/", &[("Host", "h"), ("Authorization", scheme)]);
        assert!(request.read().unwrap().parse().unwrap().is_none(), "{scheme}");
    }
}

#[test]
fn parts_of_the_header() {
    let whole = String::from_utf8(list_users().header("authorization").clone()).unwrap();
    check(
        &[
            authorized("Signature=", "Signatur="),
            authorized(", Signature", " Signature"),
            authorized("Signature=5d", "Signature=5D"),
            authorized("SignedHeaders=", "Credential="),
            authorized("content-type;host", "Content-Type;host"),
            authorized("AKIDEXAMPLE/", ""),
            authorized("/iam/aws4_request", "/iam/aws4_requesT"),
            authorized("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            authorized(&whole, "AWS AKIDEXAMPLE:c2lnbmF0dXJl"),
            authorized(&whole, "AWS4-HMAC-SHA256"),
            with("Authorization", "Bearer abc"),
        ],
        expect![[r#"
            the header `Authorization` has a part "Signatur"; send Credential=…, SignedHeaders=…, Signature=…, with commas between them
            the signature has no `Signature`; send it
            `Signature` is not 64 lower-case hexadecimal digits; send all of it
            `Credential` is there more than once; send it once
            `SignedHeaders` is "Content-Type"; send lower-case names of headers with semicolons between them
            `Credential` is "20150830/us-east-1/iam/aws4_request"; send ACCESS_KEY_ID/YYYYMMDD/REGION/SERVICE/aws4_request
            `Credential` is "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_requesT"; send ACCESS_KEY_ID/YYYYMMDD/REGION/SERVICE/aws4_request
            the signature's algorithm is "AWS4-ECDSA-P256-SHA256"; sign with AWS4-HMAC-SHA256, the only one taken here
            the signature's algorithm is "AWS"; sign with AWS4-HMAC-SHA256, the only one taken here
            the signature has no `Credential`; send it
            `Authorization` is there more than once; send it once
        "#]],
    );
}

#[test]
fn parts_of_a_url() {
    let mut both = url("", "");
    both.headers.push(("Authorization".to_owned(), b"Bearer abc".to_vec()));
    check(
        &[
            url("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"),
            url("X-Amz-Date", "2015-08-30"),
            url("X-Amz-Date", "20150830T123600Z&X-Amz-Date=20150830T123600Z"),
            url("X-Amz-Expires", "604801"),
            url("X-Amz-Expires", "-1"),
            url("X-Amz-Expires", "%2B60"),
            url("X-Amz-Expires", "99999999999999999999"),
            url("X-Amz-SignedHeaders", ""),
            url("X-Amz-Credential", "%FF"),
            Raw::get("/?X-Amz-Credential=a", &[("Host", "h")]),
            both,
        ],
        expect![[r#"
            the signature's algorithm is "AWS4-ECDSA-P256-SHA256"; sign with AWS4-HMAC-SHA256, the only one taken here
            `X-Amz-Date` is "2015-08-30"; send a time in UTC, as in 20150830T123600Z
            `X-Amz-Date` is there more than once; send it once
            `X-Amz-Expires` is "604801"; send seconds, from 0 to 604800, which are seven days
            `X-Amz-Expires` is "-1"; send seconds, from 0 to 604800, which are seven days
            `X-Amz-Expires` is "+60"; send seconds, from 0 to 604800, which are seven days
            `X-Amz-Expires` is "99999999999999999999"; send seconds, from 0 to 604800, which are seven days
            `X-Amz-SignedHeaders` is ""; send lower-case names of headers with semicolons between them
            `X-Amz-Credential` is not UTF-8; send it as text
            the signature has no `X-Amz-Algorithm`; send it
            the request has a signature in its query and a header `Authorization`; send one of the two
        "#]],
    );
}

#[test]
fn headers_that_have_to_be_signed() {
    check(
        &[
            authorized("content-type;host;", "content-type;"),
            authorized("host;x-amz-date", "host"),
            with("X-Amz-Target", "SageMaker.ListEndpoints"),
            authorized("content-type;host;", "content-type;expect;host;"),
        ],
        expect![[r#"
            the header `host` is not signed; name it in SignedHeaders: `host` and every `x-amz-*` header of a request have to be
            the header `x-amz-date` is not signed; name it in SignedHeaders: `host` and every `x-amz-*` header of a request have to be
            the header `x-amz-target` is not signed; name it in SignedHeaders: `host` and every `x-amz-*` header of a request have to be
            the header `expect` is signed but did not arrive; send it, and have proxies on the way keep it
        "#]],
    );
}

#[test]
fn dates() {
    let dated = |date: &[u8]| {
        let mut request = list_users();
        *request.header("x-amz-date") = date.to_vec();
        request
    };
    let mut undated = list_users();
    undated.headers.retain(|(name, _)| name != "X-Amz-Date");
    check(
        &[
            dated(b"20150831T000000Z"),
            dated(b"yesterday\""),
            undated,
            with("X-Amz-Date", "20150830T123600Z"),
        ],
        expect![[r#"
            the credential is for the day "20150830" and the request was signed at 20150831T000000Z; send one day
            `X-Amz-Date` is "yesterday\""; send a time in UTC, as in 20150830T123600Z
            the signature has no `X-Amz-Date`; send it
            `X-Amz-Date` is there more than once; send it once
        "#]],
    );
}

#[test]
fn clocks_that_differ_are_both_named() {
    let refused = [
        list_users().authenticate(NOW - 301).unwrap_err(),
        list_users().authenticate(NOW + 301).unwrap_err(),
        url("", "").authenticate(NOW + 61).unwrap_err(),
    ];
    let texts: String = refused.iter().map(|err| format!("{err}\n")).collect();
    expect![[r#"
        Signature not yet current: the request was signed at 20150830T123600Z and the server's clock says 20150830T123059Z, which is more than 300 seconds earlier; set the clock that is wrong
        Signature expired: the request was signed at 20150830T123600Z and the server's clock says 20150830T124101Z, which is more than 300 seconds later; sign each request anew, or set the clock that is wrong
        Signature expired: the URL was good until 20150830T123700Z and the server's clock says 20150830T123701Z; presign it again
    "#]].assert_eq(&texts);
}

fn payload(service: &str, value: &str) -> Raw {
    let mut request = authorized("/iam/", &format!("/{service}/"));
    let signed = request.header("authorization");
    let text = std::str::from_utf8(signed).unwrap();
    *signed = text.replace("host;", "host;x-amz-content-sha256;").into_bytes();
    request.headers.push(("X-Amz-Content-Sha256".to_owned(), value.into()));
    request
}

#[test]
fn payloads() {
    check(
        &[
            payload("sagemaker", "UNSIGNED-PAYLOAD"),
            payload("s3", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            payload("sts", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            payload("s3", "abc"),
            payload("s3", &"0".repeat(64)),
            // Taken as such, so that only the signature is another.
            payload("s3", "UNSIGNED-PAYLOAD"),
        ],
        expect![[r#"
            `x-amz-content-sha256` is `UNSIGNED-PAYLOAD`, which only `s3` and presigned URLs may use; sign the body of a request to "sagemaker"
            `x-amz-content-sha256` is "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", and bodies in signed chunks or with trailers are not taken; send the SHA-256 of the whole body (AWS SDKs: request_checksum_calculation = when_required, and no chunked encoding)
            `x-amz-content-sha256` is "STREAMING-UNSIGNED-PAYLOAD-TRAILER", and bodies in signed chunks or with trailers are not taken; send the SHA-256 of the whole body (AWS SDKs: request_checksum_calculation = when_required, and no chunked encoding)
            `x-amz-content-sha256` is "abc"; send the SHA-256 of the body as 64 hexadecimal digits, or leave it out
            the body is not the one that `x-amz-content-sha256` announces; sign the bytes that are sent, and have proxies on the way keep them
            the signature does not match the request; check the secret access key, and that nothing on the way changes the method, the path, the query, the body or a signed header such as `host`
        "#]],
    );
}

#[test]
fn who_and_for_what() {
    check(
        &[
            authorized("AKIDEXAMPLE", "AKIDOTHER"),
            authorized("/iam/", "/dynamodb/"),
            authorized("us-east-1", "us-east-2"),
        ],
        expect![[r#"
            there is no access key "AKIDOTHER" here; sign with one that this server has
            the signature is scoped to the service "dynamodb"; scope it to `sagemaker` or `sts` or `iam` or `s3`
            the signature does not match the request; check the secret access key, and that nothing on the way changes the method, the path, the query, the body or a signed header such as `host`
        "#]],
    );
}

// The names for queries, JSON and S3.
#[test]
fn errors_have_the_names_that_clients_know() {
    let refused = [
        Raw::get("/", &[("Host", "h")]).authenticate(NOW),
        authorized("Signature=", "Signatur=").authenticate(NOW),
        authorized("AKIDEXAMPLE", "AKIDOTHER").authenticate(NOW),
        authorized("/iam/", "/dynamodb/").authenticate(NOW),
        list_users().authenticate(NOW - 301),
        list_users().authenticate(NOW + 301),
        url("", "").authenticate(NOW + 61),
        authorized("host;x-amz-date", "host").authenticate(NOW),
        authorized("host;", "expect;host;").authenticate(NOW),
        payload("sts", "UNSIGNED-PAYLOAD").authenticate(NOW),
        payload("s3", "abc").authenticate(NOW),
        payload("s3", &"0".repeat(64)).authenticate(NOW),
        payload("s3", "STREAMING-UNSIGNED-PAYLOAD-TRAILER").authenticate(NOW),
        authorized("us-east-1", "us-east-2").authenticate(NOW),
    ];
    let name = |answer: Result<(), SignatureError>| {
        let err = answer.unwrap_err();
        let codes = [Protocol::Query, Protocol::Json, Protocol::S3].map(|of| err.code(of));
        let variant = format!("{err:?}").split([' ', '(']).next().unwrap().to_owned();
        format!("{variant}: {}\n", codes.join(" "))
    };
    expect![[r#"
        Missing: MissingAuthenticationToken MissingAuthenticationTokenException AccessDenied
        Incomplete: IncompleteSignature IncompleteSignatureException AuthorizationHeaderMalformed
        UnknownAccessKey: InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId
        WrongService: SignatureDoesNotMatch InvalidSignatureException AuthorizationHeaderMalformed
        NotYetCurrent: RequestExpired InvalidSignatureException RequestTimeTooSkewed
        Expired: RequestExpired InvalidSignatureException RequestTimeTooSkewed
        UrlExpired: RequestExpired InvalidSignatureException AccessDenied
        UnsignedHeader: SignatureDoesNotMatch InvalidSignatureException AccessDenied
        AbsentHeader: SignatureDoesNotMatch InvalidSignatureException SignatureDoesNotMatch
        UnsignedBody: SignatureDoesNotMatch InvalidSignatureException InvalidRequest
        BodyDigest: SignatureDoesNotMatch InvalidSignatureException InvalidRequest
        BodyMismatch: SignatureDoesNotMatch InvalidSignatureException XAmzContentSHA256Mismatch
        Chunked: SignatureDoesNotMatch InvalidSignatureException NotImplemented
        DoesNotMatch: SignatureDoesNotMatch InvalidSignatureException SignatureDoesNotMatch
    "#]]
    .assert_eq(&refused.map(name).concat());
}

// Where one server answers several services, a signature for one says nothing to another.
#[test]
fn only_the_expected_service_is_taken() {
    let request = list_users().read().unwrap();
    let answer = |services: &[&str]| {
        authenticate(request.head(), &body_sha256(b""), services, NOW, |_| Some(SECRET)).map(drop)
    };
    assert_eq!(answer(&["sts", "iam"]), Ok(()));
    assert!(matches!(answer(&["sts"]), Err(SignatureError::WrongService { .. })));
    assert!(matches!(answer(&[]), Err(SignatureError::WrongService { .. })));
}

#[test]
fn no_text_has_a_secret_or_a_good_signature() {
    for fixture in Fixture::all() {
        let mut request = fixture.raw();
        let text = format!("{fixture:?}");
        let good = &text.split("ignature=").nth(1).unwrap()[..64];
        request.body.push(b'!');
        request.method = b"OPTIONS".to_vec();
        let request = request.read().unwrap();
        let err = request.authenticate(fixture.now).unwrap_err();
        let signed = request.parse().unwrap();
        for text in [format!("{err} {err:?}"), format!("{signed:?} {:?}", request.head())] {
            assert!(!text.contains(SECRET) && !text.contains(good), "{text}");
        }
    }
}
