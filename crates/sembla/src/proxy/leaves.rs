//! The certificates of the hosts: made when a client asks for one by name, kept for the next.
//!
//! All share a key that is made at the start and never leaves memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::authority::{Authority, provider};

/// Certificates by host, each within what a TLS connection is made from.
#[derive(Debug)]
pub(super) struct Leaves {
    authority: Authority,
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    made: Mutex<HashMap<String, Leaf>>,
}

#[derive(Debug)]
struct Leaf {
    config: Arc<ServerConfig>,
    made: SystemTime,
}

/// A certificate that could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeafError {
    /// The certificate itself.
    #[error("failed to sign a certificate")]
    Sign(#[from] rcgen::Error),

    /// What is made from it.
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),

    /// The system has no randomness.
    #[error("failed to get random bytes for a certificate's number")]
    Random,
}

/// Enough for every index and bucket that a machine has; their names are the only ones without end.
const MAX_LEAVES: usize = 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Far within what the strictest clients take.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A proxy runs longer than a certificate lasts.
const REPLACED_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const CLOCK_SKEW: Duration = DAY;

const NUM_SERIAL_BYTES: usize = 16;

impl Leaves {
    pub(super) fn new(authority: Authority) -> Result<Self, LeafError> {
        let provider = Arc::new(provider());
        Ok(Self { authority, key: KeyPair::generate()?, provider, made: Mutex::default() })
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns what a TLS connection to `host` is made from. `host` is in lower case.
    ///
    /// # Cost
    ///
    /// Some 100 µs for a host that is new.
    pub(super) fn config(
        &self,
        host: &str,
        now: SystemTime,
    ) -> Result<Arc<ServerConfig>, LeafError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = made.get(host).filter(|leaf| leaf.is_fresh(now)) {
            return Ok(Arc::clone(&leaf.config));
        }
        let config = Arc::new(self.make(host, now)?);
        if made.len() >= MAX_LEAVES {
            forget_oldest(&mut made);
        }
        made.insert(host.to_owned(), Leaf { config: Arc::clone(&config), made: now });
        Ok(config)
    }

    fn make(&self, host: &str, now: SystemTime) -> Result<ServerConfig, LeafError> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        // The name stands among the alternative names; here it would have to be shorter.
        params.distinguished_name.push(DnType::CommonName, "sembla proxy");
        params.serial_number = Some(self.serial_number()?);
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = (now + LIFETIME).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict clients ask for it, Python's from 3.13 on among them.
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.key, self.authority.issuer())?;
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Two certificates of one authority may not have the same number.
    fn serial_number(&self) -> Result<SerialNumber, LeafError> {
        let mut bytes = [0; NUM_SERIAL_BYTES];
        self.provider.secure_random.fill(&mut bytes).map_err(|_| LeafError::Random)?;
        // Positive, and as long whatever the bytes are.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Ok(SerialNumber::from_slice(&bytes))
    }
}

impl Leaf {
    /// A clock that was set back makes a certificate of the future, which is no good either.
    fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.made).is_ok_and(|age| age < REPLACED_AFTER)
    }
}

fn forget_oldest(made: &mut HashMap<String, Leaf>) {
    let oldest = made.iter().min_by_key(|(_, leaf)| leaf.made);
    if let Some(name) = oldest.map(|(name, _)| name.clone()) {
        made.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves() -> (tempfile::TempDir, Leaves) {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path(), SystemTime::now()).unwrap();
        (folder, Leaves::new(authority).unwrap())
    }

    #[test]
    fn a_host_keeps_its_certificate_until_it_is_old() {
        let (_folder, leaves) = leaves();
        let now = SystemTime::now();
        let first = leaves.config("api.openai.com", now).unwrap();
        let is_same = |now| Arc::ptr_eq(&first, &leaves.config("api.openai.com", now).unwrap());
        assert!(is_same(now + 6 * DAY));
        assert!(!is_same(now + 8 * DAY));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_a_new_one() {
        let (_folder, leaves) = leaves();
        let now = SystemTime::now();
        let first = leaves.config("api.openai.com", now).unwrap();
        let second = leaves.config("api.openai.com", now - 60 * DAY).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn the_number_of_certificates_is_bounded() {
        let (_folder, leaves) = leaves();
        let start = SystemTime::now();
        for number in 0..u32::try_from(MAX_LEAVES).unwrap() + 10 {
            let host = format!("i{number}-p.svc.e.pinecone.io");
            leaves.config(&host, start + Duration::from_millis(number.into())).unwrap();
        }
        let made = leaves.made.lock().unwrap();
        assert_eq!(made.len(), MAX_LEAVES);
        assert!(!made.contains_key("i9-p.svc.e.pinecone.io"), "the oldest go first");
        assert!(made.contains_key("i10-p.svc.e.pinecone.io"));
    }
}
