//! Why a source could not be read.

use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use super::utf8::NotUtf8;
use super::{ColumnError, RowProblem, TextPlace};

/// A dataset that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder is missing or unreadable.
    #[error("failed to read {}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A name says nothing that we know about what is in the file.
    #[error("cannot tell what {} holds: sources end in {known}", .path.display(), known = super::kind::KNOWN_EXTENSIONS)]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },

    /// A pipe, socket or device: it cannot be read twice, and a source is.
    #[error("{} is not a regular file; copy what it gives to a file first", .path.display())]
    NotAFile {
        /// What is no file.
        path: PathBuf,
    },

    /// A folder has no file of a known kind.
    #[error("{} holds no data: sources end in {known}", .path.display(), known = super::kind::KNOWN_EXTENSIONS)]
    NoFiles {
        /// The folder.
        path: PathBuf,
    },

    /// Files of one folder do not make one table.
    #[error(
        "{} and {} do not fit together: {difference}; a folder is read as one table",
        .first.display(),
        .second.display()
    )]
    Mixed {
        /// The first file in order of name.
        first: PathBuf,
        /// The first that differs from it.
        second: PathBuf,
        /// What differs.
        difference: String,
    },

    /// There is nothing to embed.
    #[error("{} has no rows", .path.display())]
    NoRows {
        /// The file or folder.
        path: PathBuf,
    },

    /// A text file has bytes that are not UTF-8.
    #[error("{} is not UTF-8: {at}; convert it first", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Which line and byte.
        at: TextPlace,
    },

    /// The columns are not such that the job could be done.
    #[error("{} cannot be embedded", .path.display())]
    Column {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with them.
        source: ColumnError,
    },

    /// A row is malformed.
    #[error("row {row} of {} cannot be read", .path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// 1-based, not counting a header.
        row: u64,
        /// What is wrong with it.
        source: RowProblem,
    },

    /// A csv or tsv file could not be split into rows.
    #[error("failed to read rows of {}", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: csv::Error,
    },

    /// A Parquet file is damaged, or uses what we cannot read.
    #[error("failed to read {}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: ParquetError,
    },

    /// Rows do not have the types that were found when the source was opened.
    #[error("failed to read rows of {}; did it change while it was read?", .path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: ArrowError,
    },

    /// There are more or fewer rows than there were when the source was opened.
    #[error(
        "{} changed while it was read: it had {num_scanned} rows, and then {num_read}; run the job again",
        .path.display()
    )]
    Changed {
        /// The file or folder.
        path: PathBuf,
        /// Rows at first.
        num_scanned: u64,
        /// Rows in the end.
        num_read: u64,
    },

    /// The caller asked to stop.
    #[error("stopped while reading the source")]
    Stopped,
}

impl SourceError {
    /// Blames `path` for an error of input or output, which may carry a finding of the UTF-8 check.
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.get_ref().and_then(|inner| inner.downcast_ref::<NotUtf8>()) {
            Some(&NotUtf8 { line, offset }) => {
                Self::NotUtf8 { path, at: TextPlace { line, offset } }
            }
            None => Self::Read { path, source },
        }
    }

    pub(super) fn csv(path: &Path, error: csv::Error) -> Self {
        if !error.is_io_error() {
            return Self::Csv { path: path.to_owned(), source: error };
        }
        let csv::ErrorKind::Io(source) = error.into_kind() else {
            unreachable!("it said that it is an error of input")
        };
        Self::read(path, source)
    }

    pub(super) fn column(path: &Path, source: ColumnError) -> Self {
        Self::Column { path: path.to_owned(), source }
    }

    pub(super) fn row(path: &Path, row: u64, problem: RowProblem) -> Self {
        Self::Row { path: path.to_owned(), row, source: problem }
    }

    pub(super) fn parquet(path: &Path, source: ParquetError) -> Self {
        Self::Parquet { path: path.to_owned(), source }
    }

    pub(super) fn decode(path: &Path, source: ArrowError) -> Self {
        Self::Decode { path: path.to_owned(), source }
    }
}
