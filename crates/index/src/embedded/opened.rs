//! An index that is open: its environment, its spec, and the thread that writes to it.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::environment::Environment;
use super::writer::Writer;
use crate::error::StoreError;
use crate::spec::{IndexDescription, IndexSpec};

/// What reads and the writer share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) environment: Environment,
    /// As the environment has it; the writer keeps the two equal.
    spec: RwLock<Arc<IndexSpec>>,
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) core: Arc<Core>,
    pub(super) writer: Writer,
}

impl Core {
    pub(super) fn spec(&self) -> Arc<IndexSpec> {
        Arc::clone(&self.spec.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_spec(&self, spec: IndexSpec) {
        *self.spec.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(spec);
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
        max_bytes: u64,
        spec: &IndexSpec,
    ) -> Result<Self, StoreError> {
        Self::start(Environment::create(staging, path, max_bytes, spec)?)
    }

    /// Opens the index in a folder, which is at `path` or will be renamed to it.
    pub(super) fn open(folder: &Path, path: &Path, max_bytes: u64) -> Result<Self, StoreError> {
        Self::start(Environment::open(folder, path, max_bytes)?)
    }

    pub(super) fn start(environment: Environment) -> Result<Self, StoreError> {
        let spec = RwLock::new(Arc::new(environment.read(|txn, tables| tables.spec(txn))?));
        let core = Arc::new(Core { environment, spec });
        Ok(Self { writer: Writer::start(Arc::clone(&core))?, core })
    }
}
