//! An index that is open: its environment, its spec, its codes, and the threads that write and code.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::EmbeddedConfig;
use super::coded::CodedSpaces;
use super::coder::Coder;
use super::environment::Environment;
use super::writer::Writer;
use crate::error::StoreError;
use crate::spec::{IndexDescription, IndexSpec};

/// What reads and the writer share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) environment: Environment,
    pub(super) coded: Arc<CodedSpaces>,
    /// As the environment has it; the writer keeps the two equal.
    spec: RwLock<Arc<IndexSpec>>,
    /// It is being deleted, and takes no more writes.
    is_retired: AtomicBool,
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) core: Arc<Core>,
    pub(super) writer: Writer,
    _coder: Coder,
}

impl Core {
    pub(super) fn spec(&self) -> Arc<IndexSpec> {
        Arc::clone(&self.spec.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_spec(&self, spec: IndexSpec) {
        *self.spec.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(spec);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire)
    }

    pub(super) fn set_retired(&self, is_retired: bool) {
        self.is_retired.store(is_retired, Ordering::Release);
    }

    /// Returns the spec and how many records there are.
    pub(super) fn describe(&self) -> Result<IndexDescription, StoreError> {
        let spaces = self.environment.read(|txn, tables| tables.spaces(txn))?;
        let num_records = spaces.iter().map(|(_, space)| space.num_live).sum();
        Ok(IndexDescription { spec: IndexSpec::clone(&self.spec()), num_records })
    }
}

impl Index {
    /// Creates an index in a folder that is empty and will be renamed to `path`.
    pub(super) fn create(
        staging: &Path,
        path: &Path,
        config: &EmbeddedConfig,
        spec: &IndexSpec,
    ) -> Result<Self, StoreError> {
        Self::start(Environment::create(staging, path, config.max_index_bytes, spec)?, config)
    }

    /// Opens the index in a folder, which is at `path` or will be renamed to it.
    pub(super) fn open(
        folder: &Path,
        path: &Path,
        config: &EmbeddedConfig,
    ) -> Result<Self, StoreError> {
        Self::start(Environment::open(folder, path, config.max_index_bytes)?, config)
    }

    pub(super) fn start(
        environment: Environment,
        config: &EmbeddedConfig,
    ) -> Result<Self, StoreError> {
        let spec = RwLock::new(Arc::new(environment.read(|txn, tables| tables.spec(txn))?));
        let coded = Arc::new(CodedSpaces::new(config.query_time));
        let is_retired = AtomicBool::new(false);
        let core = Arc::new(Core { environment, coded, spec, is_retired });
        Ok(Self {
            writer: Writer::start(Arc::clone(&core))?,
            _coder: Coder::start(Arc::clone(&core), config.num_threads)?,
            core,
        })
    }
}
