//! Keys, as servers and commands use them.

use super::{Control, ControlError};
use crate::keys::{
    AuthError, Caller, Key, KeyBody, KeyError, KeyId, KeyRequest, LastKey, NewKey, Secret,
    StoredKey,
};

impl Control {
    /// Finds out who sent a key. As long as there are no keys, anybody may do anything, and whatever
    /// was sent is accepted; once there is one, all must be known.
    ///
    /// # Errors
    ///
    /// [`AuthError::Missing`] or [`AuthError::Unknown`].
    pub fn identify(&self, sent: Option<&str>) -> Result<Caller, AuthError> {
        self.shared.keyring().identify(sent)
    }

    /// Returns whether there are keys at all.
    pub fn has_keys(&self) -> bool {
        !self.shared.keyring().is_empty()
    }

    /// Returns all keys, in the order in which they were made, without their secrets.
    pub fn keys(&self) -> Vec<Key> {
        self.shared.keyring().list()
    }

    /// Makes a key. Its secret is in what this returns and nowhere else.
    ///
    /// # Errors
    ///
    /// [`ControlError::Key`] if it could do nothing, or the database's.
    pub async fn create_key(&self, request: KeyRequest) -> Result<NewKey, ControlError> {
        let secret = Secret::random()?;
        let made = self.shared.write(move |shared, store| {
            let now = shared.clock.now();
            let body = KeyBody::new(request, &secret, now.wall)?;
            let hash = secret.hash();
            let id = store.insert_key(&hash, &body)?;
            let stored = StoredKey { id, hash, body };
            shared.keyring_mut().put(stored.clone(), now.moment);
            Ok(secret.into_new(&stored))
        });
        made.await
    }

    /// Gives a key another secret. The old one is refused from then on.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`], or the database's.
    pub async fn rotate_key(&self, id: KeyId) -> Result<NewKey, ControlError> {
        let secret = Secret::random()?;
        let rotated = self.shared.write(move |shared, store| {
            let now = shared.clock.now();
            let mut stored = shared.keyring().get(id).ok_or(KeyError::NotFound { id })?;
            stored.body.rotate(&secret, now.wall);
            stored.hash = secret.hash();
            store.put_key(&stored)?;
            shared.keyring_mut().put(stored.clone(), now.moment);
            Ok(secret.into_new(&stored))
        });
        rotated.await
    }

    /// Revokes a key: it is refused from then on. Revoking the last one opens the server to anybody
    /// who reaches it, as before the first, and must be meant.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`], [`KeyError::Last`], or the database's.
    pub async fn revoke_key(&self, id: KeyId, last: LastKey) -> Result<Key, ControlError> {
        let revoked = self.shared.write(move |shared, store| {
            shared.keyring().get(id).ok_or(KeyError::NotFound { id })?;
            if last == LastKey::Keep && shared.keyring().len() == 1 {
                return Err(KeyError::Last { id }.into());
            }
            store.delete_key(id)?;
            let key = shared.keyring_mut().remove(id);
            Ok(key.ok_or(KeyError::NotFound { id })?)
        });
        revoked.await
    }
}
