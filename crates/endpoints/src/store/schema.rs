//! The tables, and which version of them a file has.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// The version that this program writes.
pub(super) const VERSION: i64 = 2;

/// `AUTOINCREMENT` keeps SQLite from giving the number of something deleted to something new: replicas
/// and usage are known by it. Usage goes by name, so that it outlives its endpoint.
const TABLES: &str = "
    CREATE TABLE endpoints (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        body TEXT NOT NULL,
        spent INTEGER NOT NULL,
        UNIQUE (namespace, name)
    ) STRICT;
    CREATE TABLE keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE usage (
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        key INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        PRIMARY KEY (namespace, name, minute, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE uptime (
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        minute INTEGER NOT NULL,
        replica_minutes INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        PRIMARY KEY (namespace, name, minute)
    ) STRICT, WITHOUT ROWID;
";

/// What came with version 2.
const DOCUMENTS: &str = "
    CREATE TABLE documents (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID;
";

/// Makes the tables of a new file, adds those that an older one does not have, and refuses those of a newer program.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    // Before anything is written, so that a newer file is left as it is.
    let found = version(connection)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found < 1 {
        transaction.execute_batch(TABLES)?;
    }
    transaction.execute_batch(DOCUMENTS)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
