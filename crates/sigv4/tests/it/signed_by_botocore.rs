//! What botocore signs is accepted, and nothing about it is lost.

use std::collections::BTreeSet;

use crate::request::{ACCESS_KEY, Fixture};

#[test]
fn every_request_is_accepted() {
    let fixtures = Fixture::all();
    assert!(fixtures.len() >= 200, "there are {}", fixtures.len());
    let mut refused = String::new();
    for fixture in &fixtures {
        if let Err(err) = fixture.raw().authenticate(fixture.now) {
            refused += &format!("{err}: {fixture:?}\n");
        }
    }
    assert_eq!(refused, "");
    let signers: BTreeSet<&str> = fixtures.iter().map(|row| row.signer.as_str()).collect();
    let all = ["S3SigV4Auth", "S3SigV4QueryAuth", "SigV4Auth", "SigV4QueryAuth"];
    assert_eq!(signers, BTreeSet::from(all));
}

#[test]
fn what_a_signature_says_can_be_asked() {
    for fixture in Fixture::all() {
        let request = fixture.raw().read().unwrap();
        let signed = request.parse().unwrap().unwrap();
        assert_eq!(signed.access_key_id(), ACCESS_KEY);
        assert_eq!(signed.region(), fixture.region);
        assert_eq!(signed.service(), fixture.service);
        let has_token = format!("{fixture:?}").to_lowercase().contains("x-amz-security-token");
        assert_eq!(signed.security_token().is_some(), has_token);
        let token = signed.security_token().unwrap_or("AQoDYXdzEPT//");
        assert!(token.starts_with("AQoDYXdzEPT//"), "{token}");
    }
}
