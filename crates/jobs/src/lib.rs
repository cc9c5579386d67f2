//! A dataset → vectors, from a source to a sink.
//!
//! [`run`] reads rows of a file or folder, embeds the texts of one column with whatever implements
//! [`Embed`], and writes a folder that the Python library `datasets` reads with no code and that
//! [`Dataset`] searches.

mod dataset;
mod embed;
mod job;
mod source;

pub use self::dataset::{
    Dataset, EncoderMismatch, Found, Overwrite, Provenance, ReadError, WriteError,
};
pub use self::embed::{BoxError, Embed, EmbedSpec, Embedded, EngineEmbedder};
pub use self::job::{Job, JobError, Progress, RowRefusal, Summary, run};
pub use self::source::{ColumnError, RowProblem, SourceError, TextPlace};
