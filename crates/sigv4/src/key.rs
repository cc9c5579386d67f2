//! The key of a day, a region and a service, and what it signs.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::scope::{Credential, TERMINATOR};
use crate::timestamp::Timestamp;

/// The algorithm that is verified here. AWS's other one, `AWS4-ECDSA-P256-SHA256`, has no shared secret.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A key that is derived from a secret, good for one scope.
pub(crate) struct SigningKey<'a> {
    key: [u8; 32],
    credential: &'a Credential,
}

impl<'a> SigningKey<'a> {
    /// Derives `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")`.
    pub(crate) fn derive(secret: &str, credential: &'a Credential) -> Self {
        let Credential { date, region, service, .. } = credential;
        let first = format!("AWS4{secret}").into_bytes();
        let of_date = hmac(&first, date.as_bytes());
        let of_region = hmac(&of_date, region.as_bytes());
        let of_service = hmac(&of_region, service.as_bytes());
        Self { key: hmac(&of_service, TERMINATOR.as_bytes()), credential }
    }

    /// Returns whether `signature` is the one of a canonical request, in a time that does not depend on
    /// where the two differ.
    pub(crate) fn signed(&self, request: &[u8], at: Timestamp, signature: &[u8; 32]) -> bool {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(request));
        let text = format!("{ALGORITHM}\n{at}\n{}\n{digest}", self.credential.scope());
        hmac(&self.key, text.as_bytes()).ct_eq(signature).into()
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
