//! When a signature is good, to the second.

use sigv4::{MAX_EXPIRES_SECONDS, MAX_SKEW_SECONDS, SignatureError};

use crate::request::Fixture;

#[test]
fn a_header_is_good_while_the_clocks_are_near_to_each_other() {
    for fixture in Fixture::all().iter().filter(|fixture| !fixture.is_presigned()) {
        let (request, signed_at) = (fixture.raw(), fixture.now);
        assert_eq!(request.authenticate(signed_at - MAX_SKEW_SECONDS), Ok(()));
        assert_eq!(request.authenticate(signed_at + MAX_SKEW_SECONDS), Ok(()));
        let early = request.authenticate(signed_at - MAX_SKEW_SECONDS - 1);
        assert!(matches!(early, Err(SignatureError::NotYetCurrent { .. })), "{early:?}");
        let late = request.authenticate(signed_at + MAX_SKEW_SECONDS + 1);
        assert!(matches!(late, Err(SignatureError::Expired { .. })), "{late:?}");
    }
}

#[test]
fn a_url_is_good_until_it_expires() {
    let mut lifetimes = Vec::new();
    for fixture in Fixture::all().iter().filter(|fixture| fixture.is_presigned()) {
        let (request, signed_at) = (fixture.raw(), fixture.now);
        let query = request.read().unwrap().uri.query().unwrap().to_owned();
        let (_, expires) = query.split_once("X-Amz-Expires=").unwrap();
        let lifetime: u64 = expires.split('&').next().unwrap().parse().unwrap();
        lifetimes.push(lifetime);
        assert_eq!(request.authenticate(signed_at - MAX_SKEW_SECONDS), Ok(()));
        assert_eq!(request.authenticate(signed_at + lifetime), Ok(()));
        let early = request.authenticate(signed_at - MAX_SKEW_SECONDS - 1);
        assert!(matches!(early, Err(SignatureError::NotYetCurrent { .. })), "{early:?}");
        let late = request.authenticate(signed_at + lifetime + 1);
        assert!(matches!(late, Err(SignatureError::UrlExpired { .. })), "{late:?}");
    }
    lifetimes.sort();
    lifetimes.dedup();
    assert_eq!(lifetimes, [1, 3600, MAX_EXPIRES_SECONDS]);
}

#[test]
fn any_clock_is_answered() {
    for fixture in Fixture::all().iter().take(8) {
        assert!(fixture.raw().authenticate(0).is_err());
        assert!(fixture.raw().authenticate(u64::MAX).is_err());
    }
}
