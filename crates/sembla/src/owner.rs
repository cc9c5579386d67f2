//! Who has the data directory: the server that runs on it, or this process.
//!
//! One process at a time opens the indexes of a data directory. A server that does also listens on a
//! socket there, for commands of the same user: [`open`] asks it, or opens the directory itself where
//! nobody has it. [`serve`] is what such a server begins with. [`ControlClient`] asks it about endpoints,
//! which nobody has without a server.

mod client;
mod control;
mod error;
mod exchange;
mod received;
mod sent;
mod serving;
mod socket;
mod store;
#[cfg(test)]
mod tests;

use std::fs::DirBuilder;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use index::{Checked, EmbeddedConfig, EmbeddedStore, IndexDescription, IndexName, StoreError};
use tokio::time::{Instant, sleep};
use wire::indexes::CheckReport;

pub(crate) use self::client::OwnerClient;
pub(crate) use self::control::{Action, AskError, ControlClient, Target};
pub(crate) use self::error::OwnerError;
pub(crate) use self::serving::{Served, serve};
use self::store::OwnerStore;
use crate::config::{Config, Secret};

/// The folder of the indexes in the data directory.
const INDEXES: &str = "indexes";
/// How long a directory may stay locked by somebody who does not listen: a server that has just begun,
/// one that is about to end, or a command that takes a moment.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// The indexes that a command works on.
pub(crate) struct Opened {
    /// The store behind the checks.
    pub(crate) checked: Checked,
    keeper: Keeper,
}

/// Who carries a request out.
enum Keeper {
    /// This process.
    Here(Arc<EmbeddedStore>),
    /// The server that runs on the data directory.
    Owner(OwnerClient),
    /// A store elsewhere.
    Remote,
}

/// Opens the indexes for a command: those of `index_store` if it is set, else of the data directory.
/// Called within the runtime that is to run the store.
///
/// # Errors
///
/// If there is no data directory, it cannot be used, or somebody has it who does not answer.
pub(crate) async fn open(config: &Config, num_threads: NonZeroUsize) -> Result<Opened, OwnerError> {
    if let Some(address) = &config.indexes.store {
        let checked = connect(address, config).await?;
        return Ok(Opened { checked, keeper: Keeper::Remote });
    }
    let dir = config.data_dir.as_deref().ok_or(OwnerError::NoDataDir)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(client) = OwnerClient::connect(dir).await? {
            return Ok(Opened::of_owner(client));
        }
        match open_here(dir, config, num_threads).await {
            Ok(store) => return Ok(Opened::of_store(store)),
            Err(OwnerError::Store(StoreError::Locked { .. })) if Instant::now() < deadline => {
                sleep(PAUSE).await;
            }
            Err(err) => return Err(err),
        }
    }
}

/// Opens the store at an address.
async fn connect(address: &Secret, config: &Config) -> Result<Checked, OwnerError> {
    let key = config.indexes.store_key.as_ref().map(|key| key.reveal().to_owned());
    Ok(Checked::new(index::connect(address.reveal(), key).await?))
}

/// Opens the store of a data directory, which nobody may have.
async fn open_here(
    dir: &Path,
    config: &Config,
    num_threads: NonZeroUsize,
) -> Result<Arc<EmbeddedStore>, OwnerError> {
    create(dir)?;
    let config = EmbeddedConfig {
        num_threads,
        max_index_bytes: config.indexes.max_index_bytes,
        query_time: config.indexes.query_time,
    };
    let dir = dir.join(INDEXES);
    let opening = tokio::task::spawn_blocking(move || EmbeddedStore::open(&dir, config));
    Ok(opening.await.expect("opening a store does not panic").map(Arc::new)?)
}

/// Makes sure that there is a data directory; a new one is for its user alone.
fn create(dir: &Path) -> Result<(), OwnerError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(dir.join(INDEXES));
    created.map_err(|source| OwnerError::DataDir { path: dir.to_owned(), source })
}

impl Opened {
    fn of_owner(client: OwnerClient) -> Self {
        let checked = Checked::new(Arc::new(OwnerStore::new(client.clone())));
        Self { checked, keeper: Keeper::Owner(client) }
    }

    fn of_store(store: Arc<EmbeddedStore>) -> Self {
        let checked = Checked::new(Arc::clone(&store) as Arc<_>);
        Self { checked, keeper: Keeper::Here(store) }
    }

    /// Copies an index into a new folder.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is none of a data directory, or the copy fails.
    pub(crate) async fn snapshot(&self, index: &IndexName, to: &Path) -> Result<(), StoreError> {
        match &self.keeper {
            Keeper::Here(store) => store.snapshot(index, to).await,
            Keeper::Owner(client) => client.snapshot(index, to).await,
            Keeper::Remote => Err(self.unsupported("be copied")),
        }
    }

    /// Makes an index of such a folder.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is none of a data directory, or the folder is no good copy.
    pub(crate) async fn restore(
        &self,
        from: &Path,
        index: &IndexName,
    ) -> Result<IndexDescription, StoreError> {
        match &self.keeper {
            Keeper::Here(store) => store.restore(from, index).await?,
            Keeper::Owner(client) => client.restore(from, index).await?,
            Keeper::Remote => return Err(self.unsupported("take a copy back")),
        }
        self.checked.describe_index(index).await
    }

    /// Reads a whole index and says what is wrong in it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is none of a data directory, or it cannot be read at all.
    pub(crate) async fn check(&self, index: &IndexName) -> Result<CheckReport, StoreError> {
        match &self.keeper {
            Keeper::Here(store) => {
                let found = store.check(index).await?;
                let (num_records, num_blocks) = (found.num_records, found.num_blocks);
                Ok(CheckReport { num_records, num_blocks, problems: found.problems })
            }
            Keeper::Owner(client) => client.check(index).await,
            Keeper::Remote => Err(self.unsupported("be checked")),
        }
    }

    fn unsupported(&self, what: &'static str) -> StoreError {
        StoreError::Unsupported { store: self.checked.capabilities().name, what }
    }
}

/// Who has a data directory at this moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody, or there is no directory.
    Nobody,
    /// A server, which answers on its socket.
    Server {
        /// Its process, if it said so.
        pid: Option<u32>,
    },
    /// A process that answers nobody.
    Other {
        /// Its process, if it said so.
        pid: Option<u32>,
    },
}

/// Finds out who has a data directory, and leaves it as it is.
///
/// # Errors
///
/// If the lock or the socket cannot be read.
pub(crate) async fn holder(dir: &Path) -> Result<Holder, OwnerError> {
    let Some(pid) = EmbeddedStore::holder(&dir.join(INDEXES))? else { return Ok(Holder::Nobody) };
    Ok(match OwnerClient::connect(dir).await? {
        Some(_) => Holder::Server { pid },
        None => Holder::Other { pid },
    })
}
