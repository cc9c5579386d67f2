//! Where rows come from: files → record batches, in order, never all in memory.
//!
//! A source is opened by a scan over all of it. That costs one more reading of csv and JSON, and buys
//! that the types hold for every row, that every malformed row is found before the first is embedded,
//! and that the number of rows is known.

mod csv;
mod error;
mod json;
mod kind;
mod parquet;
mod problem;
#[cfg(test)]
mod tests;
mod text;
mod utf8;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};

pub use self::error::SourceError;
use self::kind::Kind;
pub use self::problem::{ColumnError, RowProblem, TextPlace};
use crate::dataset::{Features, type_name};

/// The most rows of one batch. Enough for sorting by length to tell; see the bound in `job/window.rs`.
const BATCH_ROWS: usize = 2048;

/// A batch ends with the row that takes it over this. For Parquet, an estimate from the file's footer.
const BATCH_BYTES: usize = 4 << 20;

/// No row of text is longer: with a quote or a bracket missing, the rest of the file is one row. Also
/// keeps a batch's strings below the 2 GiB that their offsets reach.
const MAX_ROW_BYTES: usize = 256 << 20;

/// The callback's interval while scanning.
const ROWS_PER_TICK: u64 = 4096;

/// An opened source.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    kind: Kind,
    files: Vec<(Arc<Path>, u64)>,
    schema: SchemaRef,
    features: Features,
    text_column: String,
}

/// The columns that a job is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// To be read; must be there. `None` stands for the only one that holds text.
    pub(crate) text: Option<&'a str>,
    /// To be written, if it is; must not be there.
    pub(crate) embedding: Option<&'a str>,
}

/// Rows of one file, in order.
#[derive(Debug)]
pub(crate) struct Batch {
    /// All columns.
    pub(crate) rows: RecordBatch,
    /// The file.
    pub(crate) file: Arc<Path>,
    /// The number of the first row in its file, from 1.
    pub(crate) first_row: u64,
}

/// The batches of one file.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, SourceError>>>;

/// What one reading of all files found.
struct Scan {
    schema: Schema,
    /// Per file.
    num_rows: Vec<u64>,
    /// What the files themselves say about their columns to the `datasets` library.
    features: Option<Features>,
}

/// Called with the number of rows scanned so far; breaking stops the scan.
type OnScan<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// Counts rows and calls back now and then.
struct Ticker<'a> {
    num_rows: u64,
    on_scan: OnScan<'a>,
}

impl Ticker<'_> {
    fn row(&mut self) -> Result<(), SourceError> {
        self.num_rows += 1;
        if self.num_rows.is_multiple_of(ROWS_PER_TICK) && (self.on_scan)(self.num_rows).is_break() {
            return Err(SourceError::Stopped);
        }
        Ok(())
    }
}

impl Source {
    /// Scans the file or folder at `path`.
    pub(crate) fn open(
        path: &Path,
        columns: Columns<'_>,
        on_scan: OnScan<'_>,
    ) -> Result<Self, SourceError> {
        let (files, kind) = kind::files_of(path)?;
        let mut ticker = Ticker { num_rows: 0, on_scan };
        let scan = match kind {
            Kind::Csv => csv::scan(&files, b',', columns.text, &mut ticker),
            Kind::Tsv => csv::scan(&files, b'\t', columns.text, &mut ticker),
            Kind::Json | Kind::JsonLines => json::scan(&files, kind, &mut ticker),
            Kind::Text => text::scan(&files, &mut ticker),
            Kind::Parquet => parquet::scan(&files),
        }?;
        if scan.num_rows.iter().sum::<u64>() == 0 {
            return Err(SourceError::NoRows { path: path.to_owned() });
        }
        let unfit = |error| SourceError::column(path, error);
        let text_column = choose_text(&scan.schema, columns.text).map_err(unfit)?.to_owned();
        let embedding = columns.embedding;
        embedding.map_or(Ok(()), |column| check_free(&scan.schema, column)).map_err(unfit)?;
        let features = Features::of(&scan.schema, scan.features.as_ref()).map_err(unfit)?;
        let files = files.into_iter().map(PathBuf::into_boxed_path).map(Arc::from);
        Ok(Self {
            path: path.to_owned(),
            kind,
            files: files.zip(scan.num_rows).collect(),
            schema: Arc::new(scan.schema),
            features,
            text_column,
        })
    }

    /// Returns the columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the columns as the `datasets` library describes them.
    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    /// Returns the name of the column to embed.
    pub(crate) fn text_column(&self) -> &str {
        &self.text_column
    }

    /// Returns the number of rows.
    pub(crate) fn num_rows(&self) -> u64 {
        self.files.iter().map(|(_, num_rows)| num_rows).sum()
    }

    /// Checks that as many rows were read as the scan found.
    pub(crate) fn check_complete(&self, num_read: u64) -> Result<(), SourceError> {
        let num_scanned = self.num_rows();
        if num_read == num_scanned {
            return Ok(());
        }
        Err(SourceError::Changed { path: self.path.clone(), num_scanned, num_read })
    }

    /// Reads all rows, from the first file to the last.
    pub(crate) fn batches(&self) -> impl Iterator<Item = Result<Batch, SourceError>> {
        self.batches_with(Arc::clone(&self.schema))
    }

    /// Reads all rows, but of a Parquet file only `column`: there, the others cost.
    pub(crate) fn batches_of(
        &self,
        column: &str,
    ) -> impl Iterator<Item = Result<Batch, SourceError>> {
        let only = self.schema.fields().iter().filter(|field| field.name() == column).cloned();
        self.batches_with(match self.kind {
            Kind::Parquet => Arc::new(Schema::new(only.collect::<Vec<_>>())),
            Kind::Csv | Kind::Tsv | Kind::JsonLines | Kind::Json | Kind::Text => {
                Arc::clone(&self.schema)
            }
        })
    }

    fn batches_with(&self, schema: SchemaRef) -> impl Iterator<Item = Result<Batch, SourceError>> {
        self.files.iter().flat_map(move |(file, _)| self.batches_in(file, Arc::clone(&schema)))
    }

    fn batches_in(
        &self,
        file: &Arc<Path>,
        schema: SchemaRef,
    ) -> impl Iterator<Item = Result<Batch, SourceError>> + use<> {
        let opened = match self.kind {
            Kind::Csv => csv::read(file, b',', schema),
            Kind::Tsv => csv::read(file, b'\t', schema),
            Kind::Json | Kind::JsonLines => json::read(file, self.kind, schema),
            Kind::Text => text::read(file, schema),
            Kind::Parquet => parquet::read(file, schema),
        };
        let batches = opened.unwrap_or_else(|error| Box::new(std::iter::once(Err(error))));
        let file = Arc::clone(file);
        let mut first_row = 1;
        batches.map(move |rows| {
            let rows = rows?;
            let batch = Batch { file: Arc::clone(&file), first_row, rows };
            first_row += batch.rows.num_rows() as u64;
            Ok(batch)
        })
    }
}

/// Returns the column that is `asked` for, or the only one that holds text.
fn choose_text<'a>(schema: &'a Schema, asked: Option<&str>) -> Result<&'a str, ColumnError> {
    let Some(asked) = asked else {
        let fields = schema.fields().iter();
        let texts: Vec<&str> = fields
            .filter(|field| is_text(field.data_type()))
            .map(|field| field.name().as_str())
            .collect();
        return match texts[..] {
            [only] => Ok(only),
            [] => Err(ColumnError::NoText { known: names(schema) }),
            [..] => {
                Err(ColumnError::NotNamed { texts: texts.into_iter().map(str::to_owned).collect() })
            }
        };
    };
    let Ok(field) = schema.field_with_name(asked) else {
        return Err(ColumnError::Missing { column: asked.to_owned(), known: names(schema) });
    };
    if !is_text(field.data_type()) {
        let got = type_name(field.data_type());
        return Err(ColumnError::NotText { column: asked.to_owned(), got });
    }
    Ok(field.name())
}

fn check_free(schema: &Schema, embedding: &str) -> Result<(), ColumnError> {
    if schema.field_with_name(embedding).is_ok() {
        return Err(ColumnError::Taken { column: embedding.to_owned() });
    }
    Ok(())
}

fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}
