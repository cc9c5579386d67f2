//! The embedded store: each index an LMDB environment of its own, and codes of its vectors in memory.
//!
//! An acknowledged write is on the disk: one transaction covers records, vectors, postings and sparse
//! terms, and LMDB syncs it before [`EmbeddedStore`] answers. Reads see whole transactions and never
//! wait for writes. `tables.rs` says what is stored.
//!
//! Useful for: indexes that fit one machine. Not useful for: sharing a data directory between
//! processes; the second is refused.

mod backup;
mod batch;
mod block;
mod candidates;
mod changes;
mod check;
mod clean;
mod coded;
mod coder;
mod data_file;
mod environment;
mod fault;
mod folder;
mod keys;
mod lock;
mod opened;
mod postings;
mod queue;
mod record;
mod rows;
mod scan;
mod search;
mod sparse;
mod store;
mod tables;
mod tail;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

pub use check::IndexCheck;

use self::lock::OwnerLock;
use self::opened::Index;
use self::queue::QueryQueue;
use crate::error::StoreError;
use crate::spec::{IndexName, IndexSpec};

/// What the store is called in messages.
const NAME: &str = "embedded";

/// How an [`EmbeddedStore`] uses the machine.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// Passes over vectors at the same time.
    pub num_threads: NonZeroUsize,
    /// The most bytes of one index's file. It is address space that is set aside, not memory or disk.
    pub max_index_bytes: u64,
    /// The time that a query may take to read vectors, on one thread at the speed of memory. While all
    /// that count can be read in it, every query is exact; a larger namespace gets codes in memory, a
    /// third of the size of its vectors, and a query reads the most precise of them that the time is
    /// enough for ([`plan`](crate::plan)).
    ///
    /// How fast memory is read is measured once in a process, when the first namespace of some size is
    /// opened: 128 MiB are taken for a moment.
    ///
    /// Always exact are queries that ask for [`Precision::Exact`](crate::Precision::Exact) and those
    /// that add a sparse part to the dense score.
    pub query_time: Duration,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            num_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_index_bytes: 64 << 30,
            query_time: Duration::from_millis(10),
        }
    }
}

impl EmbeddedConfig {
    /// Enough for tests, on two threads.
    pub fn for_tests() -> Self {
        let num_threads = NonZeroUsize::MIN.saturating_add(1);
        Self { num_threads, max_index_bytes: 4 << 30, ..Self::default() }
    }
}

/// Indexes in one data directory.
///
/// Dropping it waits until accepted writes are durable.
#[derive(Debug)]
pub struct EmbeddedStore {
    data: Arc<Data>,
    queue: Arc<QueryQueue>,
}

/// The data directory.
#[derive(Debug)]
struct Data {
    dir: PathBuf,
    config: EmbeddedConfig,
    indexes: RwLock<BTreeMap<IndexName, Arc<Index>>>,
    /// Held while an index is created, deleted or restored.
    changing: Mutex<()>,
    _owner: OwnerLock,
}

impl EmbeddedStore {
    /// Opens all indexes of a data directory, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if another process has the directory open, [`StoreError::Damaged`] if
    /// an index is not whole, and [`StoreError::Io`] if the directory cannot be used.
    pub fn open(dir: &Path, config: EmbeddedConfig) -> Result<Self, StoreError> {
        fs_err::create_dir_all(dir).map_err(folder::io_error(dir))?;
        let dir = fs_err::canonicalize(dir).map_err(folder::io_error(dir))?;
        let owner = OwnerLock::take(&dir)?;
        let mut indexes = BTreeMap::new();
        for name in folder::indexes(&dir)? {
            let path = dir.join(name.as_str());
            let index = Index::open(&path, &path, &config)?;
            indexes.insert(name, Arc::new(index));
        }
        let queue = Arc::new(QueryQueue::new(config.num_threads));
        let indexes = RwLock::new(indexes);
        let data = Data { dir, config, indexes, changing: Mutex::default(), _owner: owner };
        Ok(Self { data: Arc::new(data), queue })
    }

    /// Returns who has a data directory open, with the process if it said so; `None` if nobody has.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if its lock cannot be read.
    pub fn holder(dir: &Path) -> Result<Option<Option<u32>>, StoreError> {
        lock::holder(dir)
    }

    /// Makes the codes that an index's namespaces need, and waits until all rows have them and their
    /// centroids are learned. Nothing has to wait for this: it is for benches, and for whoever wants
    /// the first query to be as fast as the others.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is no such index or it cannot be read.
    pub async fn prepare(&self, index: &IndexName) -> Result<(), StoreError> {
        let index = self.index(index)?;
        store::on_a_thread(move || {
            coder::want_large(&index.core)?;
            index.core.coded.wait();
            Ok(())
        })
        .await
    }

    /// Returns the bytes of memory that the codes of an index take.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is no such index.
    pub fn num_code_bytes(&self, index: &IndexName) -> Result<usize, StoreError> {
        Ok(self.index(index)?.core.coded.num_bytes())
    }

    fn index(&self, name: &IndexName) -> Result<Arc<Index>, StoreError> {
        self.data.index(name)
    }
}

impl Data {
    fn index(&self, name: &IndexName) -> Result<Arc<Index>, StoreError> {
        let indexes = self.indexes.read().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.get(name).cloned();
        index.ok_or_else(|| StoreError::index_not_found(name))
    }

    fn all(&self) -> Vec<Arc<Index>> {
        let indexes = self.indexes.read().unwrap_or_else(PoisonError::into_inner);
        indexes.values().cloned().collect()
    }

    fn create(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        self.add(&spec.name, |staging, path| Index::create(staging, path, &self.config, spec))
    }

    /// Adds an index that is made in a folder which does not have its name yet.
    fn add(
        &self,
        name: &IndexName,
        make: impl FnOnce(&Path, &Path) -> Result<Index, StoreError>,
    ) -> Result<(), StoreError> {
        let _changing = self.changing();
        let path = self.dir.join(name.as_str());
        if self.index(name).is_ok() {
            return Err(StoreError::index_exists(name));
        }
        let staging = folder::staging(&self.dir);
        fs_err::create_dir(&staging).map_err(folder::io_error(&staging))?;
        let made = make(&staging, &path).and_then(|index| {
            folder::publish(&staging, &path)?;
            Ok(index)
        });
        match made {
            Ok(index) => {
                self.set(name, Some(index));
                Ok(())
            }
            Err(error) => {
                // If that fails too, it is removed when the directory is opened again.
                let _ = folder::remove(&staging);
                Err(error)
            }
        }
    }

    fn delete(&self, name: &IndexName) -> Result<(), StoreError> {
        let _changing = self.changing();
        self.index(name)?;
        let retired = folder::retire(&self.dir, &self.dir.join(name.as_str()))?;
        // Reads that run keep the environment, and the file behind its name, until they end.
        drop(self.set(name, None));
        folder::remove(&retired)
    }

    fn set(&self, name: &IndexName, index: Option<Index>) -> Option<Arc<Index>> {
        let mut indexes = self.indexes.write().unwrap_or_else(PoisonError::into_inner);
        match index {
            Some(index) => indexes.insert(name.clone(), Arc::new(index)),
            None => indexes.remove(name),
        }
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
