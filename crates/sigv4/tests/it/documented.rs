//! The signatures that AWS's guides print.

use sigv4::{SignatureError, authenticate, body_sha256};

use crate::request::Raw;

#[track_caller]
fn check(request: &Raw, date: &str, secret: &str) {
    let now = match date {
        "20150830T123600Z" => 1_440_938_160,
        "20130524T000000Z" => 1_369_353_600,
        _ => panic!("no such example"),
    };
    let read = request.read().unwrap();
    let body = body_sha256(&read.body);
    let services = ["iam", "service", "s3"];
    let answer =
        |secret| authenticate(read.head(), &body, &services, now, |_| Some(secret)).map(drop);
    assert_eq!(answer(secret), Ok(()));
    assert_eq!(answer("another"), Err(SignatureError::DoesNotMatch));
}

// "Create a signed AWS API request" in the user guide of IAM.
#[test]
fn list_users() {
    let request = Raw::get(
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
    );
    check(&request, "20150830T123600Z", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}

// `get-vanilla` of the Signature Version 4 test suite.
#[test]
fn the_plainest_case_of_the_test_suite() {
    let request = Raw::get(
        "/",
        &[
            ("Host", "example.amazonaws.com"),
            ("X-Amz-Date", "20150830T123600Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
        ],
    );
    check(&request, "20150830T123600Z", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}

const S3_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

// This one and the next are of "Examples: Signature Calculations" in the API reference of S3, which writes no
// spaces behind the commas.
#[test]
fn a_part_of_an_object() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let request = Raw::get(
        "/test.txt",
        &[
            ("Host", "examplebucket.s3.amazonaws.com"),
            ("Range", "bytes=0-9"),
            ("x-amz-content-sha256", empty),
            ("x-amz-date", "20130524T000000Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                 SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        ],
    );
    check(&request, "20130524T000000Z", S3_SECRET);
}

#[test]
fn an_object_that_is_put() {
    let mut request = Raw::get(
        "/test%24file.text",
        &[
            ("Host", "examplebucket.s3.amazonaws.com"),
            ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            (
                "x-amz-content-sha256",
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            ),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                 SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,\
                 Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        ],
    );
    request.method = b"PUT".to_vec();
    request.body = b"Welcome to Amazon S3.".to_vec();
    check(&request, "20130524T000000Z", S3_SECRET);
}

// "Authenticating Requests: Using Query Parameters" in the same reference.
#[test]
fn a_presigned_url() {
    let request = Raw::get(
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        &[("Host", "examplebucket.s3.amazonaws.com")],
    );
    check(&request, "20130524T000000Z", S3_SECRET);
}
