//! Opens the LMDB environment of an index, and closes and opens it again if it broke.
//!
//! The one file of this crate with `unsafe`: a map of a file is sound only while nobody else changes
//! the file.
#![expect(unsafe_code, reason = "LMDB maps its file")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use heed::{Env, EnvOpenOptions, RoTxn, WithoutTls};

use super::data_file;
use super::fault::{Fault, Step};
use super::tables::{FORMAT, Tables};
use crate::error::StoreError;
use crate::spec::IndexSpec;

/// LMDB's name of the file within the folder.
pub(super) const DATA_FILE: &str = "data.mdb";
/// As many as tokio has threads for reads at most, twice.
const MAX_READERS: u32 = 1_024;
/// How long a broken environment waits for the reads that still run on it.
const CLOSING_TIME: Duration = Duration::from_secs(60);

/// An open environment with its tables.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) env: Env<WithoutTls>,
    pub(super) tables: Tables,
}

/// The environment of one index.
#[derive(Debug)]
pub(super) struct Environment {
    path: PathBuf,
    max_bytes: u64,
    /// `None` after it could not be opened again.
    opened: RwLock<Option<Arc<Opened>>>,
}

impl Environment {
    /// Creates an index in a folder that is empty and will be renamed to `path`.
    pub(super) fn create(
        staging: &Path,
        path: &Path,
        max_bytes: u64,
        spec: &IndexSpec,
    ) -> Result<Self, StoreError> {
        let at = |fault: Fault| fault.at(path, max_bytes);
        let env = open(staging, max_bytes).map_err(at)?;
        let tables = Tables::create(&env, spec).map_err(at)?;
        Ok(Self::of(path, max_bytes, Opened { env, tables }))
    }

    /// Opens the index in a folder, which is at `path` or will be renamed to it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if it is not whole, or is of another format.
    pub(super) fn open(folder: &Path, path: &Path, max_bytes: u64) -> Result<Self, StoreError> {
        data_file::check(&folder.join(DATA_FILE))?;
        let opened = open_tables(folder, max_bytes).map_err(|fault| fault.at(path, max_bytes))?;
        Ok(Self::of(path, max_bytes, opened))
    }

    fn of(path: &Path, max_bytes: u64, opened: Opened) -> Self {
        let opened = RwLock::new(Some(Arc::new(opened)));
        Self { path: path.to_owned(), max_bytes, opened }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names the folder in a fault.
    pub(super) fn error(&self, fault: Fault) -> StoreError {
        fault.at(&self.path, self.max_bytes)
    }

    /// Returns the environment, for as long as it is needed.
    pub(super) fn opened(&self) -> Result<Arc<Opened>, StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.clone().ok_or(StoreError::Closed)
    }

    /// Runs something in a read transaction.
    pub(super) fn read<T>(
        &self,
        run: impl FnOnce(&RoTxn, &Tables) -> Step<T>,
    ) -> Result<T, StoreError> {
        let opened = self.opened()?;
        let txn = opened.env.read_txn().map_err(|e| self.error(e.into()))?;
        run(&txn, &opened.tables).map_err(|fault| self.error(fault))
    }

    /// Closes the environment when its last read has ended, and opens it again.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(broken) = opened.take() {
            let closing = broken.env.clone().prepare_for_closing();
            drop(broken);
            if !closing.wait_timeout(CLOSING_TIME) {
                return Err(StoreError::Closed);
            }
        }
        data_file::check(&self.path.join(DATA_FILE))?;
        let again = open_tables(&self.path, self.max_bytes).map_err(|fault| self.error(fault))?;
        *opened = Some(Arc::new(again));
        Ok(())
    }
}

fn open_tables(folder: &Path, max_bytes: u64) -> Step<Opened> {
    let env = open(folder, max_bytes)?;
    let tables = Tables::open(&env)?;
    let format = tables.number(&*env.read_txn()?, "format")?;
    if format != FORMAT {
        let what = format!("it has format {format}, and this version reads format {FORMAT}");
        return Err(Fault::Damaged(what));
    }
    Ok(Opened { env, tables })
}

fn open(folder: &Path, max_bytes: u64) -> Step<Env<WithoutTls>> {
    // A file that grew under a larger limit is mapped whole all the same.
    let num_bytes = fs_err::metadata(folder.join(DATA_FILE)).map_or(0, |file| file.len());
    let map_bytes = max_bytes.max(num_bytes).next_multiple_of(1 << 16);
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_bytes as usize).max_readers(MAX_READERS).max_dbs(Tables::NUM);
    // SAFETY: the owner lock of the data directory keeps other processes of this program out, the
    // folder is private to this store, and `data_file::check` has seen that every page that can be
    // read is in the file. LMDB itself never shortens it.
    Ok(unsafe { options.open(folder) }?)
}
