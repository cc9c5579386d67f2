//! All keys, in memory, so that each request is checked without asking the disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use subtle::ConstantTimeEq as _;

use super::{AuthError, Key, KeyId, SHOWN, Scope, StoredKey, TokenBucket, hash};
use crate::clock::Moment;
use crate::name::Namespace;

/// All keys by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    entries: BTreeMap<KeyId, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    stored: StoredKey,
    bucket: Option<Mutex<TokenBucket>>,
}

/// Who asks: the owner of a key, or anybody where there are no keys.
#[derive(Debug, Clone)]
pub struct Caller {
    entry: Option<Arc<Entry>>,
}

impl Keyring {
    pub(crate) fn new(keys: Vec<StoredKey>, now: Moment) -> Self {
        let mut ring = Self::default();
        for key in keys {
            ring.put(key, now);
        }
        ring
    }

    pub(crate) fn put(&mut self, stored: StoredKey, now: Moment) {
        let rate = stored.body.tokens_per_minute;
        let bucket = rate.map(|rate| Mutex::new(TokenBucket::new(rate, now)));
        self.entries.insert(stored.id, Arc::new(Entry { stored, bucket }));
    }

    pub(crate) fn remove(&mut self, id: KeyId) -> Option<Key> {
        self.entries.remove(&id).map(|entry| entry.stored.key())
    }

    pub(crate) fn get(&self, id: KeyId) -> Option<StoredKey> {
        self.entries.get(&id).map(|entry| entry.stored.clone())
    }

    pub(crate) fn list(&self) -> Vec<Key> {
        self.entries.values().map(|entry| entry.stored.key()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Finds out who asks. Without any key, whatever was sent is accepted.
    pub(crate) fn identify(&self, sent: Option<&str>) -> Result<Caller, AuthError> {
        if self.is_empty() {
            return Ok(Caller { entry: None });
        }
        let sent = sent.ok_or(AuthError::Missing)?;
        let (hash, start) = (hash(sent), sent.get(..SHOWN));
        // The first characters are no secret and may decide quickly; the hash decides in constant time.
        let mut found = None;
        for entry in self.entries.values().filter(|e| start == Some(&e.stored.body.start)) {
            if bool::from(entry.stored.hash.ct_eq(&hash)) {
                found = Some(entry);
            }
        }
        let entry = found.ok_or(AuthError::Unknown)?;
        Ok(Caller { entry: Some(Arc::clone(entry)) })
    }
}

impl Caller {
    /// Returns the number of the key, for usage; `None` where there are no keys.
    pub fn key(&self) -> Option<KeyId> {
        self.entry.as_ref().map(|entry| entry.stored.id)
    }

    /// Returns the name of the key, for `paused by`; `None` where there are no keys.
    pub fn name(&self) -> Option<&str> {
        self.entry.as_ref().map(|entry| entry.stored.body.name.as_str())
    }

    /// Returns the only namespace in which the caller may do anything, if there is only one.
    pub fn bound_to(&self) -> Option<&Namespace> {
        self.entry.as_ref().and_then(|entry| entry.stored.body.namespace.as_ref())
    }

    /// Checks that the caller may do what needs `scope` in `namespace`, or everywhere with `None`.
    ///
    /// # Errors
    ///
    /// [`AuthError::Namespace`] or [`AuthError::Scope`]. A caller bound to a namespace may do nothing
    /// that is about all of them.
    pub fn may(&self, scope: Scope, namespace: Option<&Namespace>) -> Result<(), AuthError> {
        let Some(entry) = &self.entry else {
            return Ok(());
        };
        let body = &entry.stored.body;
        if body.namespace.is_some() && body.namespace.as_ref() != namespace {
            return Err(AuthError::Namespace);
        }
        if !body.scopes.allow(scope) {
            return Err(AuthError::Scope { needed: scope });
        }
        Ok(())
    }

    /// Takes tokens from what the key may send in a minute.
    ///
    /// # Errors
    ///
    /// [`AuthError::RateLimited`]; nothing was taken then.
    pub fn take(&self, tokens: u64, now: Moment) -> Result<(), AuthError> {
        let Some(entry) = &self.entry else {
            return Ok(());
        };
        let (Some(bucket), Some(limit)) = (&entry.bucket, entry.stored.body.tokens_per_minute)
        else {
            return Ok(());
        };
        let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(tokens, now);
        taken.map_err(|retry_after| AuthError::RateLimited { limit, retry_after })
    }
}

#[cfg(test)]
mod tests {
    use super::Keyring;
    use crate::clock::{Moment, Timestamp};
    use crate::keys::{
        AuthError, KeyBody, KeyId, KeyRequest, PREFIX, SHOWN, Scope, Scopes, Secret, StoredKey,
    };

    const NOW: Moment = Moment::from_start(std::time::Duration::ZERO);

    fn ring(request: KeyRequest) -> (Keyring, String) {
        let secret = Secret::random().unwrap();
        let body = KeyBody::new(request, &secret, Timestamp::default()).unwrap();
        let stored = StoredKey { id: KeyId(1), hash: secret.hash(), body };
        (Keyring::new(vec![stored], NOW), secret.0)
    }

    fn request(scope: Scope, namespace: Option<&str>) -> KeyRequest {
        KeyRequest {
            name: "ci".to_owned(),
            scopes: Scopes::new([scope]).unwrap(),
            namespace: namespace.map(|n| n.parse().unwrap()),
            tokens_per_minute: None,
        }
    }

    #[test]
    fn only_the_whole_key_is_known() {
        let (ring, secret) = ring(request(Scope::Invoke, None));
        assert!(secret.starts_with(PREFIX) && secret.len() == PREFIX.len() + 64);
        assert_eq!(ring.identify(Some(&secret)).unwrap().key(), Some(KeyId(1)));
        assert_eq!(ring.identify(None).unwrap_err(), AuthError::Missing);
        let shorter = secret[..secret.len() - 1].to_owned();
        let upper = secret.to_uppercase();
        for wrong in [shorter, upper, format!("{secret} "), String::new(), "é".repeat(9)] {
            assert_eq!(ring.identify(Some(&wrong)).unwrap_err(), AuthError::Unknown, "{wrong}");
        }
    }

    #[test]
    fn without_keys_anybody_may_do_anything() {
        let caller = Keyring::default().identify(Some("whatever")).unwrap();
        assert_eq!(caller.may(Scope::Admin, None), Ok(()));
        assert_eq!(caller.take(u64::MAX, NOW), Ok(()));
        assert_eq!(caller.key(), None);
    }

    #[test]
    fn a_key_may_do_what_its_scope_says_where_it_is_bound() {
        let (here, there) = ("here".parse().unwrap(), "there".parse().unwrap());
        let rows = [
            (Scope::Invoke, None, Scope::Invoke, Some(&here), true),
            (Scope::Invoke, None, Scope::Read, Some(&here), false),
            (Scope::Read, None, Scope::Invoke, Some(&here), false),
            (Scope::Admin, None, Scope::Invoke, None, true),
            (Scope::Admin, Some("here"), Scope::Admin, Some(&here), true),
            (Scope::Admin, Some("here"), Scope::Read, Some(&there), false),
            (Scope::Admin, Some("here"), Scope::Read, None, false),
        ];
        for (has, bound, needs, namespace, may) in rows {
            let (ring, secret) = ring(request(has, bound));
            let caller = ring.identify(Some(&secret)).unwrap();
            assert_eq!(caller.may(needs, namespace).is_ok(), may, "{has} {bound:?} {needs}");
        }
    }

    #[test]
    fn a_key_with_a_rate_is_refused_over_it() {
        let limited = KeyRequest { tokens_per_minute: Some(60), ..request(Scope::Invoke, None) };
        let (ring, secret) = ring(limited);
        let caller = ring.identify(Some(&secret)).unwrap();
        assert_eq!(caller.take(60, NOW), Ok(()));
        let again = ring.identify(Some(&secret)).unwrap();
        assert!(matches!(again.take(1, NOW), Err(AuthError::RateLimited { limit: 60, .. })));
    }

    #[test]
    fn nothing_that_is_kept_or_shown_holds_the_secret() {
        let (ring, secret) = ring(request(Scope::Admin, None));
        let stored = serde_json::to_string(&ring.get(KeyId(1)).unwrap().body).unwrap();
        let kept = format!("{ring:?} {:?} {stored}", ring.list());
        assert!(!kept.contains(&secret[SHOWN..]) && kept.contains(&secret[..SHOWN]));
    }
}
