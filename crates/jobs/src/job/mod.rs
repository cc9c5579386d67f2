//! One dataset run: open, check, embed, write.

mod error;
mod pipeline;
mod window;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::Array;

pub use self::error::{JobError, RowRefusal};
use self::pipeline::Pipeline;
use crate::dataset::{Overwrite, Provenance, SHARD_BYTES, Sink, Staging};
use crate::embed::Embed;
use crate::source::{Columns, Source};

/// What to do.
#[derive(Debug, Clone)]
pub struct Job {
    /// A file, or a folder of files of one kind.
    pub source: PathBuf,
    /// The column of texts. `None` stands for the only one that holds text.
    pub column: Option<String>,
    /// The column to write; the source must not have it.
    pub embedding_column: String,
    /// The folder to write. Its parents are made.
    pub output: PathBuf,
    /// Whether a dataset that is there already is replaced.
    pub overwrite: Overwrite,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The source is read for its columns and their types.
    Scanning {
        /// Rows read so far.
        num_rows: u64,
    },
    /// The source is read, and its columns will do.
    Opened {
        /// The column that will be embedded.
        column: &'a str,
        /// Rows of the source.
        total_rows: u64,
    },
    /// Each row is checked for a text.
    Checking {
        /// Rows checked so far.
        num_rows: u64,
        /// Rows of the source.
        total_rows: u64,
    },
    /// Rows are embedded and written.
    Embedding {
        /// Rows embedded so far.
        num_rows: u64,
        /// Rows of the source.
        total_rows: u64,
        /// Their tokens.
        num_tokens: u64,
        /// Rows whose texts were cut.
        num_truncated: u64,
    },
}

/// What a finished job did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows written.
    pub num_rows: u64,
    /// Tokens that went through the model.
    pub num_tokens: u64,
    /// Rows whose texts were longer than the model takes, and were cut.
    pub num_truncated: u64,
    /// From the first look at the source to the last row embedded.
    pub elapsed: Duration,
}

/// Called for every piece of work, and so cheap; breaking stops the job.
type OnProgress<'a> = &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>;

/// Embeds a source with `embed` and writes the output.
///
/// All rows are read and checked before the first is embedded, so that a bad one does not cost the
/// hours before it. `on_progress` is called for every few texts and should be cheap; if it breaks, the
/// job stops.
///
/// # Errors
///
/// Whatever the error, nothing is left: the output is written under another name and renamed when it
/// is complete.
pub fn run<E: Embed>(
    job: &Job,
    embed: &E,
    on_progress: OnProgress<'_>,
) -> Result<Summary, JobError> {
    let started = Instant::now();
    let staging = Staging::begin(&job.output, job.overwrite)?;
    let columns = Columns { text: job.column.as_deref(), embedding: &job.embedding_column };
    let source = Source::open(&job.source, columns, &mut |num_rows| {
        on_progress(Progress::Scanning { num_rows })
    })?;
    let (column, total_rows) = (source.text_column(), source.num_rows());
    if on_progress(Progress::Opened { column, total_rows }).is_break() {
        return Err(JobError::Stopped);
    }
    check_texts(&source, on_progress)?;
    let provenance = Provenance::new(column, &job.embedding_column, embed.spec().clone());
    let mut sink = Sink::new(staging, &source, provenance, SHARD_BYTES)?;
    let mut summary = embed_all(&source, embed, &mut sink, on_progress)?;
    summary.elapsed = started.elapsed();
    let name = job.source.file_name().unwrap_or(job.source.as_os_str());
    sink.finish(&name.to_string_lossy(), &summary)?;
    Ok(summary)
}

fn check_texts(source: &Source, on_progress: OnProgress<'_>) -> Result<(), JobError> {
    let (column, total_rows) = (source.text_column(), source.num_rows());
    let mut num_rows = 0;
    for batch in source.batches_of(column) {
        num_rows += window::texts(&batch?, column)?.len() as u64;
        if on_progress(Progress::Checking { num_rows, total_rows }).is_break() {
            return Err(JobError::Stopped);
        }
    }
    Ok(())
}

fn embed_all<E: Embed>(
    source: &Source,
    embed: &E,
    sink: &mut Sink,
    on_progress: OnProgress<'_>,
) -> Result<Summary, JobError> {
    let total_rows = source.num_rows();
    let mut summary = Summary::default();
    let mut batches = source.batches();
    let mut pipeline = Pipeline::new(embed, source.text_column());
    loop {
        let submitted = pipeline.submit_one(&mut batches)?;
        if !submitted {
            let Some((num_rows, filled)) = pipeline.wait_for_one()? else { break };
            summary.num_rows += num_rows as u64;
            summary.num_tokens += filled.num_tokens;
            summary.num_truncated += filled.num_truncated;
            while let Some(window) = pipeline.pop_complete() {
                window.write(sink)?;
            }
        }
        let Summary { num_rows, num_tokens, num_truncated, .. } = summary;
        let progress = Progress::Embedding { num_rows, total_rows, num_tokens, num_truncated };
        if on_progress(progress).is_break() {
            return Err(JobError::Stopped);
        }
    }
    source.check_complete(summary.num_rows)?;
    Ok(summary)
}
