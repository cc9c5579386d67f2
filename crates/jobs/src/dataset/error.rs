//! Why a dataset could not be written or read.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

/// A dataset that could not be written. Nothing is left under its name.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A path such as `/`, or that of a file.
    #[error("{} cannot be the output: name a folder, which will be made", .path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },

    /// There is something under the name, and the caller did not ask to replace it.
    #[error("{} exists and is not empty; choose another folder, or ask to replace it", .path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },

    /// The caller asked to replace what is not, or not only, a dataset that Sembla wrote.
    #[error(
        "{} is not replaced, because it holds {entry}, which Sembla did not write; remove it yourself",
        .path.display()
    )]
    NotOurs {
        /// The output.
        path: PathBuf,
        /// What stands in the way.
        entry: String,
    },

    /// Another run is writing the same dataset.
    #[error("another run is writing {}; wait for it, or choose another folder", .path.display())]
    InUse {
        /// The output.
        path: PathBuf,
    },

    /// No room.
    #[error(
        "no room to write {}: make room on the disk or raise the limit on file sizes, or choose \
         another folder, and run the job again",
        .path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file or folder could not be made, written or renamed.
    #[error("failed to write {}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Rows could not be encoded.
    #[error("failed to encode rows for {}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: ParquetError,
    },
}

impl WriteError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(source.kind()) {
            return Self::Full { path, source };
        }
        Self::Write { path, source }
    }

    /// The encoder wraps what the file said.
    pub(super) fn parquet(path: &Path, error: ParquetError) -> Self {
        if let ParquetError::External(inner) = error {
            return match inner.downcast::<io::Error>() {
                Ok(source) => Self::io(path, *source),
                Err(inner) => {
                    Self::Parquet { path: path.to_owned(), source: ParquetError::External(inner) }
                }
            };
        }
        Self::Parquet { path: path.to_owned(), source: error }
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}

/// A dataset that could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or folder is missing or unreadable.
    #[error("failed to read {}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Not a dataset folder.
    #[error(
        "{} is not a dataset: it has no data/train-*-of-*.parquet; give the folder that a job wrote",
        .path.display()
    )]
    NoShards {
        /// The folder.
        path: PathBuf,
    },

    /// A shard is not there.
    #[error("{} is missing: the names of the others say that there are {num_shards} shards", .path.display())]
    MissingShard {
        /// The file.
        path: PathBuf,
        /// How many there should be.
        num_shards: usize,
    },

    /// A Parquet file is damaged.
    #[error("failed to read {}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: ParquetError,
    },

    /// Rows could not be decoded.
    #[error("failed to read rows of {}", .path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: ArrowError,
    },

    /// Not written by Sembla, or not by one that we know.
    #[error("{} does not say how its embeddings were made: {reason}", .path.display())]
    NoProvenance {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },

    /// A shard is of another dataset.
    #[error("{} is not of the same dataset as {}: {difference}", .path.display(), .first.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The first shard.
        first: PathBuf,
        /// What differs.
        difference: &'static str,
    },

    /// A query that no row can be compared with.
    #[error("the query cannot be searched for: {reason}")]
    Query {
        /// Why.
        reason: String,
    },
}

impl ReadError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn parquet(path: &Path, source: ParquetError) -> Self {
        Self::Parquet { path: path.to_owned(), source }
    }

    pub(super) fn decode(path: &Path, source: ArrowError) -> Self {
        Self::Decode { path: path.to_owned(), source }
    }

    pub(super) fn no_provenance(path: &Path, reason: impl Into<String>) -> Self {
        Self::NoProvenance { path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn provenance(path: &Path, source: &dyn Error) -> Self {
        Self::no_provenance(path, format!("its `sembla` metadata cannot be read: {source}"))
    }
}
