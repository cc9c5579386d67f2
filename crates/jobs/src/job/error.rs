//! Why a job did not end with a dataset.

use std::path::PathBuf;

use crate::dataset::WriteError;
use crate::embed::BoxError;
use crate::indexed::{FillError, RowFault, RowsError};
use crate::source::{Batch, SourceError};

/// A job that did not reach its end. Nothing is left under a dataset's name; what an index took stays.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The source could not be read.
    #[error(transparent)]
    Source(SourceError),

    /// A row cannot be embedded.
    #[error("row {row} of {} cannot be embedded", .path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// 1-based, not counting a header.
        row: u64,
        /// Why.
        source: RowRefusal,
    },

    /// What embeds refused a whole request, or failed.
    #[error("failed to embed")]
    Embed(#[source] BoxError),

    /// What embeds broke its contract.
    #[error("{expected} texts were to be embedded, and {got} results came back")]
    NumResults {
        /// Texts.
        expected: usize,
        /// Results.
        got: usize,
    },

    /// The dataset could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),

    /// The index could not be filled.
    #[error(transparent)]
    Fill(#[from] FillError),

    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
}

/// Why one row cannot be embedded.
#[derive(Debug, thiserror::Error)]
pub enum RowRefusal {
    /// Null or the empty string.
    #[error("column `{column}` has no text there; fill it in or remove the row")]
    NoText {
        /// The column.
        column: String,
    },

    /// What embeds has an error about this text.
    #[error("failed to embed its text")]
    Embed(#[source] BoxError),

    /// The index would not take it as a record.
    #[error("it cannot be a record: {0}")]
    Record(RowFault),

    /// The embedding is of another length than promised.
    #[error("its embedding has {got} dimensions, and {expected} were promised")]
    Dimensions {
        /// By the specification.
        expected: usize,
        /// In the embedding.
        got: usize,
    },

    /// The embedding has a NaN or an infinity.
    #[error("its embedding has a value that is not finite")]
    NotFinite,
}

impl JobError {
    /// Ends the job because of one row of `batch`, by its index there.
    ///
    /// Every row that cannot be embedded comes through here, whatever the reason.
    pub(super) fn row(batch: &Batch, index: usize, refusal: RowRefusal) -> Self {
        let row = batch.first_row + index as u64;
        Self::Row { path: batch.file.to_path_buf(), row, source: refusal }
    }

    /// Ends the job because rows of `batch` cannot all be records.
    pub(super) fn record(batch: &Batch, error: RowsError) -> Self {
        match error {
            RowsError::Decode(error) => Self::Fill(FillError::Decode(error)),
            RowsError::Row(index, fault) => Self::row(batch, index, RowRefusal::Record(fault)),
        }
    }
}

impl From<SourceError> for JobError {
    fn from(error: SourceError) -> Self {
        if matches!(error, SourceError::Stopped) { Self::Stopped } else { Self::Source(error) }
    }
}
