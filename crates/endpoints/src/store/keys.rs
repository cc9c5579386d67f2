//! Keys on the disk: a hash, and what the key may do.

use rusqlite::params;

use super::{Store, StoreError, damaged, decode, encode};
use crate::keys::{Hash, KeyBody, KeyId, StoredKey};

impl Store {
    /// Returns all keys.
    pub(crate) fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT id, hash, body FROM keys ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            let hash: Vec<u8> = row.get(1)?;
            let hash = Hash::try_from(hash.as_slice()).map_err(|e| damaged("a key's hash", e))?;
            let body = decode("a key", &row.get::<_, String>(2)?)?;
            keys.push(StoredKey { id: KeyId(row.get(0)?), hash, body });
        }
        Ok(keys)
    }

    /// Adds a key.
    pub(crate) fn insert_key(&mut self, hash: &Hash, body: &KeyBody) -> Result<KeyId, StoreError> {
        let query = "INSERT INTO keys (hash, body) VALUES (?1, ?2)";
        let values = params![hash.as_slice(), encode("a key", body)?];
        self.connection.execute(query, values)?;
        Ok(KeyId(self.connection.last_insert_rowid()))
    }

    /// Replaces a key's hash and what it may do.
    pub(crate) fn put_key(&mut self, key: &StoredKey) -> Result<(), StoreError> {
        let values = params![key.id.0, key.hash.as_slice(), encode("a key", &key.body)?];
        let query = "UPDATE keys SET hash = ?2, body = ?3 WHERE id = ?1";
        self.connection.execute(query, values)?;
        Ok(())
    }

    /// Deletes a key. Its usage stays under its number.
    pub(crate) fn delete_key(&mut self, id: KeyId) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM keys WHERE id = ?1", [id.0])?;
        Ok(())
    }
}
