//! One dataset run: open, check, embed, write.

mod error;
mod pipeline;
mod window;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};

pub use self::error::{JobError, RowRefusal};
use self::pipeline::Pipeline;
use crate::dataset::{self, Overwrite, Provenance, SHARD_BYTES, Staging};
use crate::embed::Embed;
use crate::indexed::{Admitted, Fill, FillError, IndexSink, Present};
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

/// What to do where the embeddings go into an index.
#[derive(Debug, Clone)]
pub struct IndexJob {
    /// A file, or a folder of files of one kind.
    pub source: PathBuf,
    /// The column of texts. `None` stands for the only one that holds text.
    pub column: Option<String>,
    /// The index. It exists.
    pub fill: Fill,
    /// What becomes of rows that the index has already.
    pub present: Present,
}

/// Where embedded rows go.
trait Sink {
    /// Says of each row whether it needs no embedding. Called once for all rows, in order, some time
    /// before they are written.
    fn plan(&mut self, rows: &RecordBatch) -> Result<Vec<bool>, JobError>;

    /// Takes rows and their embeddings, `[num_rows, dimensions]`, row major; zeros where none was
    /// needed.
    fn write(&mut self, rows: &RecordBatch, embeddings: Vec<f32>) -> Result<(), JobError>;
}

impl Sink for dataset::Sink {
    fn plan(&mut self, rows: &RecordBatch) -> Result<Vec<bool>, JobError> {
        Ok(vec![false; rows.num_rows()])
    }

    fn write(&mut self, rows: &RecordBatch, embeddings: Vec<f32>) -> Result<(), JobError> {
        Ok(self.write(rows, embeddings)?)
    }
}

impl Sink for IndexSink<'_> {
    fn plan(&mut self, rows: &RecordBatch) -> Result<Vec<bool>, JobError> {
        Ok(self.plan(rows)?)
    }

    fn write(&mut self, _rows: &RecordBatch, embeddings: Vec<f32>) -> Result<(), JobError> {
        Ok(self.write(&embeddings)?)
    }
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
    /// Rows that are in the output now.
    pub num_rows: u64,
    /// Of those, rows that were there before and needed no embedding.
    pub num_kept: u64,
    /// Tokens that went through the model.
    pub num_tokens: u64,
    /// Rows whose texts were longer than the model takes, and were cut.
    pub num_truncated: u64,
    /// From the first look at the source to the last row embedded.
    pub elapsed: Duration,
}

/// What a finished job did to an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Of all rows.
    pub summary: Summary,
    /// Columns with values that metadata cannot hold, which were left out.
    pub left_out: Vec<String>,
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
    let embedding = Some(job.embedding_column.as_str());
    let columns = Columns { text: job.column.as_deref(), embedding };
    let source = open(&job.source, columns, on_progress)?;
    let column = source.text_column();
    let provenance = Provenance::new(column, &job.embedding_column, embed.spec().clone());
    let mut sink = dataset::Sink::new(staging, (&source).into(), provenance, SHARD_BYTES)?;
    check_texts(&source, on_progress)?;
    let mut summary = embed_all(&source, embed, &mut sink, on_progress)?;
    summary.elapsed = started.elapsed();
    let name = job.source.file_name().unwrap_or(job.source.as_os_str());
    sink.finish(&name.to_string_lossy(), &summary)?;
    Ok(summary)
}

/// Embeds a source with `embed` and writes records into an index.
///
/// As with [`run`], all rows are checked first: for a text, and whether the index would take them.
/// Records are written as they are embedded. Since a row has the same id each time, running again
/// writes no record twice; with [`Present::Keep`] it embeds only what is not there yet.
///
/// # Errors
///
/// What was written before the error stays, and the error says how much that is.
pub fn run_into<E: Embed>(
    job: &IndexJob,
    embed: &E,
    on_progress: OnProgress<'_>,
) -> Result<Filled, JobError> {
    let started = Instant::now();
    let columns = Columns { text: job.column.as_deref(), embedding: None };
    let source = open(&job.source, columns, on_progress)?;
    check_id_column(&source, job.fill.id_column.as_deref())?;
    let schema = source.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let admitted = Admitted::new(&job.fill, embed.spec(), source.text_column(), &columns)?;
    check_rows(&source, &admitted, on_progress)?;
    let mut sink = admitted.sink(job.present)?;
    match embed_all(&source, embed, &mut sink, on_progress) {
        Ok(mut summary) => {
            summary.elapsed = started.elapsed();
            Ok(Filled { summary, left_out: sink.left_out() })
        }
        Err(JobError::Stopped) => {
            Err(FillError::Stopped { num_written: sink.num_written() }.into())
        }
        Err(error) => Err(error),
    }
}

fn check_id_column(source: &Source, id_column: Option<&str>) -> Result<(), JobError> {
    let fields = source.schema().fields();
    let known: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    match id_column {
        Some(column) if !known.iter().any(|name| name == column) => {
            Err(FillError::NoIdColumn { column: column.to_owned(), known }.into())
        }
        _ => Ok(()),
    }
}

/// Scans a source.
fn open(
    path: &Path,
    columns: Columns<'_>,
    on_progress: OnProgress<'_>,
) -> Result<Source, JobError> {
    let source =
        Source::open(path, columns, &mut |num_rows| on_progress(Progress::Scanning { num_rows }))?;
    let (column, total_rows) = (source.text_column(), source.num_rows());
    if on_progress(Progress::Opened { column, total_rows }).is_break() {
        return Err(JobError::Stopped);
    }
    Ok(source)
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

/// Checks each row for a text, and that the index would take it.
fn check_rows(
    source: &Source,
    admitted: &Admitted<'_>,
    on_progress: OnProgress<'_>,
) -> Result<(), JobError> {
    let total_rows = source.num_rows();
    let mut check = admitted.row_check();
    let mut num_rows = 0;
    for batch in source.batches() {
        let batch = batch?;
        num_rows += window::texts(&batch, source.text_column())?.len() as u64;
        check.check(&batch.rows).map_err(|error| JobError::record(&batch, error))?;
        if on_progress(Progress::Checking { num_rows, total_rows }).is_break() {
            return Err(JobError::Stopped);
        }
    }
    Ok(())
}

fn embed_all<E: Embed>(
    source: &Source,
    embed: &E,
    sink: &mut dyn Sink,
    on_progress: OnProgress<'_>,
) -> Result<Summary, JobError> {
    let total_rows = source.num_rows();
    let mut summary = Summary::default();
    let mut batches = source.batches();
    let mut pipeline = Pipeline::new(embed, source.text_column());
    loop {
        if !pipeline.submit_one(&mut batches, sink)? {
            match pipeline.wait_for_one()? {
                Some((num_rows, filled)) => {
                    summary.num_rows += num_rows as u64;
                    summary.num_tokens += filled.num_tokens;
                    summary.num_truncated += filled.num_truncated;
                }
                None if pipeline.is_empty() => break,
                // Of what is left, no row needs an embedding.
                None => {}
            }
        }
        while let Some(window) = pipeline.pop_complete() {
            summary.num_rows += window.num_kept() as u64;
            summary.num_kept += window.num_kept() as u64;
            window.write(sink)?;
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
