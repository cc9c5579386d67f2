//! Who may do what: keys, of which only a hash is kept.

mod bucket;
mod ring;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::bucket::TokenBucket;
pub use self::ring::Caller;
pub(crate) use self::ring::Keyring;
use crate::clock::Timestamp;
use crate::name::Namespace;

/// What every key begins with, so that scanners recognize one that was leaked.
const PREFIX: &str = "sk-sembla-";
const RANDOM_BYTES: usize = 32;
/// How many characters of a key are kept to tell it from others: the prefix and 24 bits, which leaves
/// 232 to guess.
const SHOWN: usize = PREFIX.len() + 6;

/// What is kept of a key. Keys are random, so that a plain hash is enough.
pub(crate) type Hash = [u8; 32];

/// Names a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub i64);

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything.
    Admin,
    /// Ask endpoints.
    Invoke,
    /// Look at endpoints, their logs and their usage.
    Read,
}

/// The scopes of a key: at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

/// A key that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// For people, to tell keys apart.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The only namespace in which it may; `None` for all.
    pub namespace: Option<Namespace>,
    /// How many tokens it may send in a minute; `None` for any number.
    pub tokens_per_minute: Option<u64>,
}

/// What becomes of the last key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastKey {
    /// It stays.
    Keep,
    /// It may go: something else guards the server, or nothing is to.
    Revoke,
}

/// A key, without what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub id: KeyId,
    /// Its first characters.
    pub start: String,
    /// What was asked for.
    pub request: KeyRequest,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last given a new secret, if ever.
    pub rotated_at: Option<Timestamp>,
}

/// A key that was just made. The secret is shown once and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What is kept.
    pub key: Key,
    /// What is not.
    pub secret: String,
}

/// A key that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key that may do nothing.
    #[error("a key needs a scope; give it admin, invoke or read")]
    NoScope,
    /// A rate of nothing.
    #[error("tokens_per_minute is 0; leave it out for no limit or ask for 1 or more")]
    NoTokens,
    /// No such key.
    #[error("there is no key {}; list the keys for their numbers", .id.0)]
    NotFound {
        /// Which one was meant.
        id: KeyId,
    },
    /// Without this key anybody may do anything.
    #[error(
        "key {} is the last one: without it whoever reaches the server may do anything. Make another key \
         first, or set one with --api-key; to open the server all the same, revoke it with ?open=true",
        .id.0
    )]
    Last {
        /// Which one.
        id: KeyId,
    },
    /// The system gave no random bytes, so no key is safe.
    #[error("the system gave no random bytes for a key: {reason}")]
    NoRandomness {
        /// What it said.
        reason: String,
    },
}

/// A request that may not be carried out. None of these shows the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It came without a key.
    #[error("a key is needed; send it as `Authorization: Bearer …`")]
    Missing,
    /// It came with a key that is not known, or not any more.
    #[error("the key is not known; it may have been revoked or rotated")]
    Unknown,
    /// The key lacks a scope.
    #[error("the key may not do this; it needs the scope {needed}")]
    Scope {
        /// Which one.
        needed: Scope,
    },
    /// The key is bound to another namespace.
    #[error("the key is bound to another namespace")]
    Namespace,
    /// The key has used up its tokens.
    #[error("the key is over its {limit} tokens per minute; try again in {} s", .retry_after.as_secs() + 1)]
    RateLimited {
        /// Its rate.
        limit: u64,
        /// When this request would pass.
        retry_after: Duration,
    },
}

/// What is stored of a key beside its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyBody {
    name: String,
    start: String,
    scopes: Scopes,
    namespace: Option<Namespace>,
    tokens_per_minute: Option<u64>,
    created_at: Timestamp,
    rotated_at: Option<Timestamp>,
}

/// A key as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey {
    pub(crate) id: KeyId,
    pub(crate) hash: Hash,
    pub(crate) body: KeyBody,
}

/// A key's secret, before anybody has seen it.
pub(crate) struct Secret(String);

impl Secret {
    /// Makes a secret of random bytes.
    pub(crate) fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| KeyError::NoRandomness { reason: error.to_string() })?;
        let mut secret = PREFIX.to_owned();
        for byte in bytes {
            secret.push_str(&format!("{byte:02x}"));
        }
        Ok(Self(secret))
    }

    pub(crate) fn hash(&self) -> Hash {
        hash(&self.0)
    }

    pub(crate) fn into_new(self, stored: &StoredKey) -> NewKey {
        NewKey { key: stored.key(), secret: self.0 }
    }
}

/// Returns what is kept of a key.
fn hash(key: &str) -> Hash {
    Sha256::digest(key.as_bytes()).into()
}

impl KeyBody {
    /// Describes a new key, if it can do anything.
    pub(crate) fn new(
        request: KeyRequest,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        if request.tokens_per_minute == Some(0) {
            return Err(KeyError::NoTokens);
        }
        let KeyRequest { name, scopes, namespace, tokens_per_minute } = request;
        let start = secret.0[..SHOWN].to_owned();
        let rotated_at = None;
        Ok(Self { name, start, scopes, namespace, tokens_per_minute, created_at: now, rotated_at })
    }

    pub(crate) fn rotate(&mut self, secret: &Secret, now: Timestamp) {
        secret.0[..SHOWN].clone_into(&mut self.start);
        self.rotated_at = Some(now);
    }
}

impl StoredKey {
    pub(crate) fn key(&self) -> Key {
        let body = self.body.clone();
        Key {
            id: self.id,
            start: body.start,
            request: KeyRequest {
                name: body.name,
                scopes: body.scopes,
                namespace: body.namespace,
                tokens_per_minute: body.tokens_per_minute,
            },
            created_at: body.created_at,
            rotated_at: body.rotated_at,
        }
    }
}

impl Scopes {
    /// Makes a set of scopes.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoScope`] if there is none.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, KeyError> {
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        if scopes.is_empty() { Err(KeyError::NoScope) } else { Ok(Self(scopes)) }
    }

    /// Returns whether a key with these may do what needs `scope`: `admin` may do everything.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&Scope::Admin) || self.0.contains(&scope)
    }

    /// Returns the scopes in their order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Admin => "admin",
            Self::Invoke => "invoke",
            Self::Read => "read",
        })
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NewKey").field("key", &self.key).field("secret", &"***").finish()
    }
}
