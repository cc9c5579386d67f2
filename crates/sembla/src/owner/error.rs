//! Why the indexes of a data directory cannot be had.

use std::io;
use std::path::PathBuf;

use index::{ConnectError, StoreError};

/// Indexes that could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnerError {
    /// Nothing says where the data directory is. A mistake in how the command was given.
    #[error(
        "no data directory: HOME is not set; give one with --data-dir or the variable SEMBLA_DATA_DIR"
    )]
    NoDataDir,
    /// It is a file, cannot be written, or the like.
    #[error(
        "{} cannot be the data directory; give a folder that can be written with --data-dir, or serve models alone with --inference-only", .path.display()
    )]
    DataDir {
        /// The data directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The socket in the data directory cannot be made or reached.
    #[error("failed to use the socket {}", .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store elsewhere.
    #[error("failed to use the store of --index-store")]
    Connect(#[from] ConnectError),
    /// The store of the data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OwnerError {
    /// Returns whether the command was given in a way that cannot work.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::NoDataDir => true,
            Self::Connect(err) => !matches!(err, ConnectError::Store(_)),
            Self::DataDir { .. } | Self::Socket { .. } | Self::Store(_) => false,
        }
    }
}
