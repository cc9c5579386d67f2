//! What every command does that works on an index: open the store, find the index, and say what there
//! is where it does not find it.

use std::future::Future;

use anyhow::Context as _;
use index::{Checked, IndexDescription, IndexName, StoreError};
use tokio::runtime::{Handle, Runtime};

use super::outcome::UsageError;
use super::start::Started;
use crate::format::there_are;
use crate::owner::{self, Opened};

/// The indexes, and what runs their store.
pub(crate) struct Indexes {
    opened: Opened,
    // Dropped after the store, whose tasks it runs.
    runtime: Runtime,
}

impl Indexes {
    /// Opens the indexes that the settings name.
    ///
    /// # Errors
    ///
    /// If there is no data directory, or somebody has it who does not answer.
    pub(crate) fn open(started: &Started) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sembla-store")
            .enable_all()
            .build()
            .context("failed to start the thread that runs the store")?;
        let opened = runtime.block_on(owner::open(&started.config, started.threads.count))?;
        Ok(Self { opened, runtime })
    }

    /// Runs a request to the store.
    pub(crate) fn wait<T>(&self, request: impl Future<Output = T>) -> T {
        self.runtime.block_on(request)
    }

    pub(crate) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.opened.checked
    }

    pub(crate) fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// Returns an index.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the error names those that there are.
    pub(crate) fn describe(&self, name: &IndexName) -> anyhow::Result<IndexDescription> {
        match self.wait(self.checked().describe_index(name)) {
            Err(StoreError::IndexNotFound { .. }) => Err(self.not_found(name)?),
            described => Ok(described?),
        }
    }

    /// Returns the error that there is no index of this name.
    ///
    /// # Errors
    ///
    /// If the store cannot say which there are.
    pub(crate) fn not_found(&self, name: &IndexName) -> anyhow::Result<anyhow::Error> {
        let known = self.wait(self.checked().list_indexes())?;
        let known = there_are(known.iter().map(|there| &there.spec.name));
        Ok(anyhow::anyhow!(
            "there is no index `{name}` ({known}); create it with `sembla index create {name} \
             --model MODEL`"
        ))
    }
}

/// Reads the name of an index.
///
/// # Errors
///
/// [`UsageError`] if no index can have it.
pub(crate) fn index_name(text: &str) -> Result<IndexName, UsageError> {
    IndexName::try_from(text).map_err(|err| UsageError(err.to_string()))
}
