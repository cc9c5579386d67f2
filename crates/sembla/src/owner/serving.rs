//! What a server keeps of indexes, from its start to its end.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use index::{EmbeddedStore, StoreError};
use server::Indexes;
use tokio::net::UnixListener;
use tokio::time::{Instant, sleep};

use super::socket::{Socket, SocketFile};
use super::{OwnerClient, OwnerError, PATIENCE, PAUSE, connect, open_here};
use crate::config::Config;

/// The indexes of a server, and where commands reach it.
#[derive(Debug)]
pub(crate) struct Served {
    /// For the routes.
    pub(crate) indexes: Indexes,
    /// For commands of the same user.
    pub(crate) local: Option<UnixListener>,
    /// What is closed at the end.
    pub(crate) closing: Closing,
}

/// What a server leaves behind in order.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    socket: Option<SocketFile>,
    store: Option<Arc<EmbeddedStore>>,
}

/// Opens the indexes for a server.
///
/// # Errors
///
/// If the data directory or the store cannot be used. That another process has the directory is no
/// error: this server then serves inference only, and says so.
pub(crate) async fn serve(
    config: &Config,
    num_threads: NonZeroUsize,
) -> Result<Served, OwnerError> {
    if let Some(address) = &config.indexes.store {
        let checked = connect(address, config).await?;
        tracing::info!(store = checked.capabilities().name, "indexes are kept in another store");
        return Ok(Served::of(Indexes::In(checked)));
    }
    let Some(dir) = &config.data_dir else {
        tracing::warn!("{}: inference only is served", OwnerError::NoDataDir);
        return Ok(Served::none("HOME is not set and no data directory was given with --data-dir"));
    };
    match take(dir, config, num_threads).await {
        Ok(store) => {
            let (local, socket) = Socket::listen(dir)?.into_parts();
            tracing::info!(dir = %dir.display(), "indexes are kept in the data directory");
            let closing = Closing { socket: Some(socket), store: Some(Arc::clone(&store)) };
            Ok(Served { indexes: Indexes::embedded(store), local: Some(local), closing })
        }
        Err(OwnerError::Store(locked @ StoreError::Locked { .. })) => {
            let why = locked.to_string();
            tracing::warn!(why, "another process has the data directory: inference only is served");
            Ok(Served::none(&why))
        }
        Err(err) => Err(err),
    }
}

/// Opens the store of the data directory. A command that has it for a moment is waited for; another
/// server is not.
async fn take(
    dir: &Path,
    config: &Config,
    num_threads: NonZeroUsize,
) -> Result<Arc<EmbeddedStore>, OwnerError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let opened = open_here(dir, config, num_threads).await;
        let is_locked = matches!(opened, Err(OwnerError::Store(StoreError::Locked { .. })));
        if !is_locked || Instant::now() > deadline || OwnerClient::connect(dir).await?.is_some() {
            return opened;
        }
        sleep(PAUSE).await;
    }
}

impl Served {
    fn of(indexes: Indexes) -> Self {
        Self { indexes, local: None, closing: Closing::default() }
    }

    /// Keeps nothing, and answers why.
    pub(crate) fn none(why: &str) -> Self {
        Self::of(Indexes::None { why: why.to_owned() })
    }
}

impl Closing {
    /// Closes the store: what it accepted is written, its threads end, and the directory is free.
    ///
    /// Called when nobody asks the store any more. A read that a cut-off request left behind may still
    /// run; it ends with the process.
    pub(crate) async fn close(self) {
        drop(self.socket);
        let Some(store) = self.store else { return };
        match Arc::into_inner(store) {
            Some(store) => {
                let closed = tokio::task::spawn_blocking(move || drop(store)).await;
                closed.expect("closing a store does not panic");
                tracing::info!("the data directory is closed");
            }
            None => tracing::warn!("requests that were cut off still read the data directory"),
        }
    }
}
