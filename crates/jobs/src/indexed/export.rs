//! An index → a dataset folder in the form of the jobs.
//!
//! Two passes: one finds the columns and their types, the other writes rows. An export is no snapshot:
//! records that come and go meanwhile may be in it or not.

mod columns;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use index::{Checked, IndexName, IndexSpec, Namespace, PageRequest, Record, Value};
use tokio::runtime::Handle;

use self::columns::Fields;
use super::error::ExportError;
use super::fingerprint::embed_spec;
use super::query::{is_hybrid, text_field};
use crate::dataset::{Columns, Features, Overwrite, Provenance, SHARD_BYTES, Sink, Staging};
use crate::job::Summary;
use crate::terms::document_terms;

/// Records in memory at a time.
const PAGE_RECORDS: usize = 1_000;

/// What to do.
#[derive(Debug, Clone)]
pub struct Export {
    /// Where the index is.
    pub indexes: Checked,
    /// Which index.
    pub index: IndexName,
    /// Which namespace of it.
    pub namespace: Namespace,
    /// The folder to write. Its parents are made.
    pub output: PathBuf,
    /// Whether a dataset that is there already is replaced.
    pub overwrite: Overwrite,
    /// The column that ids are written to.
    pub id_column: String,
    /// The column that vectors are written to.
    pub embedding_column: String,
    /// What runs the store.
    pub runtime: Handle,
}

/// What an export did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// Records written.
    pub num_records: u64,
    /// Fields with values of several kinds, which were written as JSON.
    pub mixed: Vec<String>,
}

/// Called with the records of both passes so far; breaking stops the export.
type OnProgress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// Writes all records of a namespace, in the order of their ids.
///
/// # Errors
///
/// [`ExportError`]; nothing is then left under the output's name.
pub fn export(job: &Export, on_progress: OnProgress<'_>) -> Result<ExportSummary, ExportError> {
    let started = Instant::now();
    let staging = Staging::begin(&job.output, job.overwrite)?;
    let spec = job.runtime.block_on(job.indexes.describe_index(&job.index))?.spec;
    let mut pages = Pages {
        job,
        is_hybrid: is_hybrid(&spec),
        text_field: text_field(&spec).map(str::to_owned),
        on_progress,
        num_read: 0,
    };
    let mut fields = Fields::default();
    pages.each(&mut |records| {
        records.iter().for_each(|record| fields.see(&record.metadata));
        Ok(())
    })?;
    if pages.num_read == 0 {
        return Err(job.empty()?);
    }
    fields.check_free(&job.id_column, &job.embedding_column)?;
    let schema = Arc::new(fields.schema(&job.id_column));
    let features = Features::of(&schema, None).expect("every column is of a plain type");
    let columns = Columns { schema: &schema, features: &features };
    let mut sink = Sink::new(staging, columns, job.provenance(&spec), SHARD_BYTES)?;
    let mut summary = Summary::default();
    pages.each(&mut |records| {
        summary.num_rows += records.len() as u64;
        let rows = fields.rows(&schema, &records)?;
        Ok(sink.write(&rows, records.into_iter().flat_map(|record| record.values).collect())?)
    })?;
    summary.elapsed = started.elapsed();
    sink.finish(&format!("index {}", job.index), &summary)?;
    Ok(ExportSummary { num_records: summary.num_rows, mixed: fields.mixed() })
}

impl Export {
    fn provenance(&self, spec: &IndexSpec) -> Provenance {
        let encoder = embed_spec(spec.fingerprint.as_ref(), spec.dimensions);
        Provenance::new(text_field(spec).unwrap_or_default(), &self.embedding_column, encoder)
    }

    fn empty(&self) -> Result<ExportError, ExportError> {
        let stats = self.runtime.block_on(self.indexes.stats(&self.index, None))?;
        let others = stats.namespaces.into_iter().map(|there| there.namespace);
        Ok(ExportError::Empty {
            index: self.index.as_str().to_owned(),
            namespace: self.namespace.as_str().to_owned(),
            others: others.map(|namespace| namespace.as_str().to_owned()).collect(),
        })
    }
}

/// The records of a namespace, a page in memory at a time.
struct Pages<'a> {
    job: &'a Export,
    is_hybrid: bool,
    text_field: Option<String>,
    on_progress: OnProgress<'a>,
    /// In all passes.
    num_read: u64,
}

impl Pages<'_> {
    fn each(
        &mut self,
        take: &mut dyn FnMut(Vec<Record>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let Export { indexes, index, namespace, runtime, .. } = self.job;
        let mut page = PageRequest { prefix: String::new(), limit: PAGE_RECORDS, after: None };
        loop {
            let ids = runtime.block_on(indexes.list(index, namespace, &page))?;
            if !ids.ids.is_empty() {
                let records = runtime.block_on(indexes.fetch(index, namespace, &ids.ids))?;
                self.check_sparse(&records)?;
                self.num_read += records.len() as u64;
                take(records)?;
            }
            if (self.on_progress)(self.num_read).is_break() {
                return Err(ExportError::Stopped);
            }
            match ids.next {
                Some(after) => page.after = Some(after),
                None => return Ok(()),
            }
        }
    }

    /// Words are made anew from the texts; any other sparse vector would be lost.
    fn check_sparse(&self, records: &[Record]) -> Result<(), ExportError> {
        match records.iter().find(|record| !self.is_made_of_text(record)) {
            None => Ok(()),
            Some(record) => Err(ExportError::Sparse { id: record.id.clone() }),
        }
    }

    fn is_made_of_text(&self, record: &Record) -> bool {
        let text = self.text_field.as_ref().and_then(|field| record.metadata.get(field));
        let words = match text {
            Some(Value::String(text)) if self.is_hybrid => Some(document_terms(text)),
            Some(_) | None => None,
        };
        record.sparse == words
    }
}
