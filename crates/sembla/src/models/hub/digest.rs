//! The checksum of a file on the Hub, which its ETag is.

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The checksum that a file must have. Only valid ones exist, so that one can name a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Digest {
    /// Of a large file: the SHA-256 of its bytes.
    Sha256(String),
    /// Of a small one: its id as a blob in git, which is a SHA-1 over its length and its bytes.
    GitBlob(String),
}

impl Digest {
    /// Reads an ETag, `"HEX"` or `W/"HEX"`.
    pub(crate) fn from_etag(etag: &str) -> Option<Self> {
        let etag = etag.trim();
        let hex = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
        if !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        match hex.len() {
            64 => Some(Self::Sha256(hex.to_owned())),
            40 => Some(Self::GitBlob(hex.to_owned())),
            _ => None,
        }
    }

    /// Returns the digits, which are also the file's name in the cache.
    pub(crate) fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::GitBlob(hex) => hex,
        }
    }

    /// Starts computing the checksum of a file of `num_bytes`.
    pub(crate) fn hasher(&self, num_bytes: u64) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::GitBlob(_) => {
                let mut sha = Sha1::new();
                sha.update(format!("blob {num_bytes}\0"));
                Hasher::GitBlob(sha)
            }
        }
    }
}

/// A checksum in the making.
#[derive(Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    GitBlob(Sha1),
}

impl Hasher {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sha) => sha.update(bytes),
            Self::GitBlob(sha) => sha.update(bytes),
        }
    }

    /// Returns the checksum of all bytes.
    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(sha) => Digest::Sha256(to_hex(&sha.finalize())),
            Self::GitBlob(sha) => Digest::GitBlob(to_hex(&sha.finalize())),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(hex) => write!(f, "sha256 {hex}"),
            Self::GitBlob(hex) => write!(f, "git blob {hex}"),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    // `printf hello | git hash-object --stdin`
    const HELLO_BLOB: &str = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";

    fn digest_of(etag: &str, bytes: &[u8]) -> Digest {
        let mut hasher = Digest::from_etag(etag).unwrap().hasher(bytes.len() as u64);
        let (first, second) = bytes.split_at(bytes.len() / 2);
        hasher.update(first);
        hasher.update(second);
        hasher.finish()
    }

    #[test]
    fn the_length_of_an_etag_says_which_checksum_it_is() {
        for etag in [HELLO_SHA256, HELLO_BLOB] {
            assert_eq!(digest_of(etag, b"hello").hex(), etag);
            assert_ne!(digest_of(etag, b"hellO").hex(), etag);
        }
    }

    #[test]
    fn quotes_and_weakness_are_left_out() {
        let plain = Digest::from_etag(HELLO_BLOB);
        assert_eq!(Digest::from_etag(&format!("\"{HELLO_BLOB}\"")), plain);
        assert_eq!(Digest::from_etag(&format!("W/\"{HELLO_BLOB}\"")), plain);
    }

    #[test]
    fn what_is_no_checksum_cannot_name_a_file() {
        for etag in ["", "\"\"", "../../etc/passwd", "abc", &HELLO_BLOB.to_uppercase()] {
            assert_eq!(Digest::from_etag(etag), None, "{etag}");
        }
    }
}
