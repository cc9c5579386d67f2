//! A dataset folder → an index.

use std::ops::ControlFlow;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use index::{IndexSpec, Record};

use super::error::FillError;
use super::fill::Fill;
use super::query::is_hybrid;
use super::rows::{RecordMaker, check_records, check_text_field, set_vectors};
use crate::dataset::{Dataset, ReadError};

/// What to do.
#[derive(Debug, Clone)]
pub struct Import {
    /// The folder that a job or an export wrote.
    pub dataset: PathBuf,
    /// Where its rows go.
    pub fill: Fill,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Records written.
    pub num_records: u64,
    /// Columns with values that metadata cannot hold, which were left out.
    pub left_out: Vec<String>,
}

/// Writes all rows of a dataset, once all are checked. `on_progress` is called with the records written and all rows; if it
/// breaks, the import stops and what was written stays.
///
/// # Errors
///
/// [`FillError`] if the dataset does not fit the index, a row cannot be a record, or the store fails.
pub fn import(
    job: &Import,
    on_progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<ImportSummary, FillError> {
    let dataset = Dataset::open(&job.dataset)?;
    let provenance = dataset.provenance();
    let there = job.fill.describe()?;
    check_columns(job, &there.spec, &dataset)?;
    check_text_field(&there.spec, &provenance.column, &dataset.columns())?;
    let (spec, change) = job.fill.admit(there, &provenance.encoder, &provenance.column)?;
    let mut rows = Rows::new(job, &spec, &dataset);
    while let Some(records) = rows.next()? {
        let checked = check_records(&job.fill.indexes, &spec, &records);
        checked.map_err(|error| error.numbered(rows.num_read - records.len() as u64 + 1))?;
        if on_progress(0, dataset.num_rows()).is_break() {
            return Err(FillError::Stopped { num_written: 0 });
        }
    }
    job.fill.bind(&change)?;
    let mut rows = Rows::new(job, &spec, &dataset);
    while let Some(records) = rows.next()? {
        job.fill.write(&records, rows.num_read - records.len() as u64)?;
        if on_progress(rows.num_read, dataset.num_rows()).is_break() {
            return Err(FillError::Stopped { num_written: rows.num_read });
        }
    }
    let left_out = rows.maker.left_out.into_iter().collect();
    Ok(ImportSummary { num_records: rows.num_read, left_out })
}

type Batches<'a> = Box<dyn Iterator<Item = Result<(RecordBatch, Vec<f32>), ReadError>> + 'a>;

/// The rows of a dataset as records, a batch at a time.
struct Rows<'a> {
    batches: Batches<'a>,
    maker: RecordMaker<'a>,
    num_read: u64,
}

impl<'a> Rows<'a> {
    fn new(job: &'a Import, spec: &'a IndexSpec, dataset: &'a Dataset) -> Self {
        let column = &dataset.provenance().column;
        let maker = RecordMaker::new(spec, job.fill.id_column.as_deref(), column);
        Self { batches: Box::new(dataset.batches()), maker, num_read: 0 }
    }

    fn next(&mut self) -> Result<Option<Vec<Record>>, FillError> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let (rows, embeddings) = batch?;
        let records = self.maker.records(&rows);
        let mut records = records.map_err(|error| error.numbered(self.num_read + 1))?;
        set_vectors(&mut records, &embeddings);
        self.num_read += records.len() as u64;
        Ok(Some(records))
    }
}

fn check_columns(job: &Import, spec: &IndexSpec, dataset: &Dataset) -> Result<(), FillError> {
    let provenance = dataset.provenance();
    let known: Vec<&str> = dataset.columns();
    if let Some(column) = &job.fill.id_column
        && (!known.contains(&column.as_str()) || *column == provenance.embedding_column)
    {
        let known = known.into_iter().map(str::to_owned).collect();
        return Err(FillError::NoIdColumn { column: column.clone(), known });
    }
    if is_hybrid(spec) && !known.contains(&provenance.column.as_str()) {
        let (index, column) = (spec.name.as_str().to_owned(), provenance.column.clone());
        return Err(FillError::NoTexts { index, column });
    }
    Ok(())
}
