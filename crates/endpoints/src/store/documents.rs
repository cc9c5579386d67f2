//! What dialects keep beside the endpoints, as JSON by kind and name.

use rusqlite::params;
use serde_json::Value;

use super::{Store, StoreError, decode, encode};

/// A document as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredDocument {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) body: Value,
}

impl Store {
    /// Returns all documents.
    pub(crate) fn documents(&self) -> Result<Vec<StoredDocument>, StoreError> {
        let mut statement = self.connection.prepare("SELECT kind, name, body FROM documents")?;
        let mut rows = statement.query([])?;
        let mut documents = Vec::new();
        while let Some(row) = rows.next()? {
            let body = decode("a document", &row.get::<_, String>(2)?)?;
            documents.push(StoredDocument { kind: row.get(0)?, name: row.get(1)?, body });
        }
        Ok(documents)
    }

    /// Adds a document, or replaces it.
    pub(crate) fn put_document(
        &mut self,
        kind: &str,
        name: &str,
        body: &Value,
    ) -> Result<(), StoreError> {
        let query = "INSERT INTO documents (kind, name, body) VALUES (?1, ?2, ?3)
            ON CONFLICT (kind, name) DO UPDATE SET body = ?3";
        self.connection.execute(query, params![kind, name, encode("a document", body)?])?;
        Ok(())
    }

    /// Deletes a document.
    pub(crate) fn delete_document(&mut self, kind: &str, name: &str) -> Result<(), StoreError> {
        let query = "DELETE FROM documents WHERE kind = ?1 AND name = ?2";
        self.connection.execute(query, params![kind, name])?;
        Ok(())
    }
}
