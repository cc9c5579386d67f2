//! What goes wrong inside a transaction, before anybody knows which folder it was in.

use std::io;
use std::path::Path;

use heed::MdbError;

use crate::error::StoreError;

/// A failed step. [`Fault::at`] makes a [`StoreError`] of it.
#[derive(Debug)]
pub(super) enum Fault {
    /// LMDB or the disk failed.
    Lmdb(heed::Error),
    /// A value is not what was written.
    Damaged(String),
    /// A namespace has used all 4,294,967,295 row numbers.
    OutOfRows,
    /// The index is to be deleted, and is protected.
    Protected,
    /// The index is being deleted.
    Retired,
}

/// What a step returns.
pub(super) type Step<T> = Result<T, Fault>;

impl From<heed::Error> for Fault {
    fn from(error: heed::Error) -> Self {
        Self::Lmdb(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Lmdb(heed::Error::Io(error))
    }
}

impl Fault {
    /// Returns whether LMDB refuses everything until the environment is opened again.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(self, Self::Lmdb(heed::Error::Mdb(MdbError::Panic)))
    }

    /// Says which folder it was, and how large its file may become.
    pub(super) fn at(self, path: &Path, max_bytes: u64) -> StoreError {
        // An index's folder has its name.
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.to_owned();
        match self {
            Self::Protected => StoreError::Protected { name },
            Self::Retired => StoreError::IndexNotFound { name },
            Self::Damaged(what) => StoreError::Damaged { path, what },
            Self::OutOfRows => StoreError::Unsupported {
                store: super::NAME,
                what: "write to one namespace more than 4,294,967,295 times; copy its records to a new one",
            },
            Self::Lmdb(heed::Error::Mdb(MdbError::MapFull)) => {
                StoreError::IndexFull { path, max_bytes }
            }
            Self::Lmdb(heed::Error::Io(source)) if is_no_space(&source) => {
                StoreError::NoSpace { path }
            }
            Self::Lmdb(heed::Error::Io(source)) => StoreError::Io { path, source },
            Self::Lmdb(heed::Error::Mdb(error)) if is_damage(error) => {
                StoreError::Damaged { path, what: error.to_string() }
            }
            Self::Lmdb(other) => StoreError::Io { path, source: io::Error::other(other) },
        }
    }
}

/// Returns whether a disk, a quota or a limit on the size of files is exhausted.
pub(super) fn is_no_space(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn is_damage(error: MdbError) -> bool {
    use MdbError::{Corrupted, Invalid, PageNotFound, VersionMismatch};
    matches!(error, Corrupted | Invalid | PageNotFound | VersionMismatch)
}
