//! Where endpoints, keys and usage survive: one SQLite file with one writer.
//!
//! A write is in the file, synced, before it returns, or it left nothing. Calls block; whoever is
//! asynchronous makes them elsewhere. The file belongs to one process: whoever opens it holds the data
//! directory.

mod documents;
mod keys;
mod schema;
#[cfg(test)]
mod tests;
mod usage;

use std::error::Error;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, Row, ffi, params};

pub(crate) use self::documents::StoredDocument;
pub(crate) use self::usage::{Charge, Used};
use crate::name::{EndpointName, Namespace};
use crate::price::Amount;
use crate::record::{Body, Record};
use crate::replica::EndpointId;

/// What the database did not do. What was there before is there still.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is from a newer version of this program.
    #[error(
        "{} was written by a newer version: it has schema {found}, and this program knows up to {known}; use the newer program", .path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The disk has no room.
    #[error("the disk is full; nothing was changed; free some space and try again")]
    Full {
        /// What SQLite said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The disk refused a write for another reason: a limit on the size of files, or a defect.
    #[error(
        "the disk refused a write; nothing was changed; look at its health and at the limit on the size of \
         files (`ulimit -f`), and try again"
    )]
    Unwritten {
        /// What SQLite said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something in the file is not what this program writes.
    #[error("{what} in the database cannot be read")]
    Damaged {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Anything else.
    #[error("the database failed")]
    Sqlite {
        /// What SQLite said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        schema::prepare(&mut connection, path)?;
        Ok(Self { connection })
    }

    /// Returns all endpoints.
    pub(crate) fn endpoints(&self) -> Result<Vec<Record>, StoreError> {
        let query = "SELECT id, namespace, name, body, spent FROM endpoints ORDER BY id";
        let mut statement = self.connection.prepare(query)?;
        let mut rows = statement.query([])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(record(row)?);
        }
        Ok(records)
    }

    /// Adds an endpoint; `None` if the name is taken.
    pub(crate) fn insert(
        &mut self,
        namespace: &Namespace,
        name: &EndpointName,
        body: &Body,
    ) -> Result<Option<EndpointId>, StoreError> {
        let query = "INSERT INTO endpoints (namespace, name, body, spent) VALUES (?1, ?2, ?3, 0)
            ON CONFLICT (namespace, name) DO NOTHING";
        let values = params![namespace.as_str(), name.as_str(), encode("an endpoint", body)?];
        // Not with RETURNING: such a statement commits when it is let go, where the error of a full disk is lost.
        let added = self.connection.execute(query, values)?;
        Ok((added == 1).then(|| EndpointId(self.connection.last_insert_rowid())))
    }

    /// Replaces what is asked for of an endpoint.
    pub(crate) fn put(&mut self, id: EndpointId, body: &Body) -> Result<(), StoreError> {
        let values = params![id.0, encode("an endpoint", body)?];
        self.connection.execute("UPDATE endpoints SET body = ?2 WHERE id = ?1", values)?;
        Ok(())
    }

    /// Deletes an endpoint. Its usage stays under its name.
    pub(crate) fn delete(&mut self, id: EndpointId) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM endpoints WHERE id = ?1", [id.0])?;
        Ok(())
    }
}

#[cfg(test)]
impl Store {
    /// Makes SQLite refuse every write, or take them again.
    pub(crate) fn set_query_only(&self, value: &str) {
        self.connection.pragma_update(None, "query_only", value).unwrap();
    }
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    let namespace: String = row.get(1)?;
    let name: String = row.get(2)?;
    Ok(Record {
        id: EndpointId(row.get(0)?),
        namespace: namespace.try_into().map_err(|error| damaged("a namespace", error))?,
        name: name.try_into().map_err(|error| damaged("a name", error))?,
        body: decode("an endpoint", &row.get::<_, String>(3)?)?,
        spent: Amount::from_millionths(unsigned(row.get(4)?)),
    })
}

fn encode<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| damaged(what, error))
}

fn decode<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(what, error))
}

fn damaged(what: &'static str, error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Damaged { what, source: Box::new(error) }
}

/// SQLite counts in signed numbers; ours never reach half of theirs.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { source: Box::new(error) },
            Some(ErrorCode::SystemIoFailure) if is_of_writing(&error) => {
                Self::Unwritten { source: Box::new(error) }
            }
            Some(_) | None => Self::Sqlite { source: Box::new(error) },
        }
    }
}

fn is_of_writing(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(
            ffi::SQLITE_IOERR_WRITE
                | ffi::SQLITE_IOERR_FSYNC
                | ffi::SQLITE_IOERR_DIR_FSYNC
                | ffi::SQLITE_IOERR_TRUNCATE
                | ffi::SQLITE_IOERR_SHMSIZE
        )
    )
}
