//! Comma- and tab-separated files with a header.
//!
//! A column's type is decided by all of its values, and only where the type gives every value back:
//! `00123`, `+49 30` and numbers beyond 64 bits stay text, where pandas and so `load_dataset` would
//! make numbers of them. Dates stay text too. Only the empty field is null; `NA` is Namibia.

mod column;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use csv::{ReaderBuilder, StringRecord};

use self::column::{ColumnBuilder, Kinds};
use super::{BATCH_BYTES, BATCH_ROWS, Batches, MAX_ROW_BYTES, Scan, Ticker, utf8};
use super::{ColumnError, RowProblem, SourceError};

/// Stands after the last row while a file is scanned. If it does not come back as a row of its own,
/// a quote before it was never closed, which the parser would pass over in silence.
const SENTINEL: &str = "\u{0}end of file\u{0}";

/// Reads all rows of `files` for their number and the columns' types.
pub(super) fn scan(
    files: &[PathBuf],
    delimiter: u8,
    wanted: Option<&str>,
    ticker: &mut Ticker<'_>,
) -> Result<Scan, SourceError> {
    let mut header = Vec::new();
    let mut kinds = Vec::new();
    let mut num_rows = Vec::with_capacity(files.len());
    for file in files {
        let mut rows = Rows::open(file, delimiter)?;
        if num_rows.is_empty() {
            if let Some(wanted) = wanted {
                check_header(file, &rows.header, wanted)?;
            }
            header.clone_from(&rows.header);
            kinds.resize(header.len(), Kinds::default());
        } else if header != rows.header {
            return Err(SourceError::Mixed {
                first: files[0].clone(),
                second: file.clone(),
                difference: "their headers differ".to_owned(),
            });
        }
        num_rows.push(scan_rows(&mut rows, &mut kinds, ticker)?);
    }
    let fields: Vec<Field> = header
        .iter()
        .zip(&kinds)
        .map(|(name, kinds)| Field::new(name, kinds.data_type(), true))
        .collect();
    Ok(Scan { schema: Schema::new(fields), num_rows, features: None })
}

fn check_header(file: &Path, header: &[String], wanted: &str) -> Result<(), SourceError> {
    // The other checks of columns come after the scan. This one need not wait for it.
    if header.iter().any(|name| name == wanted) || header.is_empty() {
        return Ok(());
    }
    let missing = ColumnError::Missing { column: wanted.to_owned(), known: header.to_vec() };
    Err(SourceError::column(file, missing))
}

fn scan_rows(
    rows: &mut Rows,
    kinds: &mut [Kinds],
    ticker: &mut Ticker<'_>,
) -> Result<u64, SourceError> {
    let mut record = StringRecord::new();
    while rows.next(&mut record)? {
        for (kinds, value) in kinds.iter_mut().zip(&record) {
            kinds.add(value);
        }
        ticker.row()?;
    }
    Ok(rows.num_rows)
}

/// Reads `file` again, with the types that [`scan`] found.
pub(super) fn read(file: &Path, delimiter: u8, schema: SchemaRef) -> Result<Batches, SourceError> {
    let mut rows = Rows::open(file, delimiter)?;
    let mut record = StringRecord::new();
    Ok(Box::new(std::iter::from_fn(move || {
        read_batch(&mut rows, &mut record, &schema).transpose()
    })))
}

fn read_batch(
    rows: &mut Rows,
    record: &mut StringRecord,
    schema: &SchemaRef,
) -> Result<Option<RecordBatch>, SourceError> {
    let mut columns: Vec<ColumnBuilder> =
        schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type())).collect();
    let (mut num_rows, mut num_bytes) = (0, 0);
    while num_rows < BATCH_ROWS && num_bytes < BATCH_BYTES && rows.next(record)? {
        for (column, value) in columns.iter_mut().zip(&*record) {
            column.append(value).map_err(|source| SourceError::decode(&rows.file, source))?;
        }
        num_rows += 1;
        num_bytes += record.as_slice().len();
    }
    if num_rows == 0 {
        return Ok(None);
    }
    let arrays = columns.into_iter().map(|column| column.finish(num_rows)).collect();
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays);
    batch.map(Some).map_err(|source| SourceError::decode(&rows.file, source))
}

/// The rows of one file, each as long as the header.
struct Rows {
    file: PathBuf,
    reader: csv::Reader<Box<dyn std::io::Read>>,
    header: Vec<String>,
    num_rows: u64,
}

impl Rows {
    fn open(file: &Path, delimiter: u8) -> Result<Self, SourceError> {
        let end = format!("\n{SENTINEL}\n");
        let bytes = std::io::Read::chain(utf8::open(file)?, std::io::Cursor::new(end));
        let bytes: Box<dyn std::io::Read> = Box::new(bytes);
        // Flexible, because our own error for a ragged row says more.
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).has_headers(false).flexible(true);
        let mut rows = Self {
            file: file.to_owned(),
            reader: builder.from_reader(bytes),
            header: Vec::new(),
            num_rows: 0,
        };
        let mut first = StringRecord::new();
        if rows.next_record(&mut first)? {
            rows.header = name_columns(file, &first)?;
        }
        Ok(rows)
    }

    /// Puts the next row into `record`, or returns false at the end.
    fn next(&mut self, record: &mut StringRecord) -> Result<bool, SourceError> {
        if !self.next_record(record)? {
            return Ok(false);
        }
        self.num_rows += 1;
        if record.as_slice().len() > MAX_ROW_BYTES {
            let problem = RowProblem::TooLong { line: line_of(record) };
            return Err(SourceError::row(&self.file, self.num_rows, problem));
        }
        if record.len() == self.header.len() {
            return Ok(true);
        }
        let problem = RowProblem::Ragged {
            line: line_of(record),
            expected: self.header.len(),
            got: record.len(),
        };
        Err(SourceError::row(&self.file, self.num_rows, problem))
    }

    fn next_record(&mut self, record: &mut StringRecord) -> Result<bool, SourceError> {
        let found = self.reader.read_record(record);
        if !found.map_err(|error| SourceError::csv(&self.file, error))? {
            return Ok(false);
        }
        let Some(last) = record.iter().next_back().filter(|last| last.contains(SENTINEL)) else {
            return Ok(true);
        };
        if record.len() == 1 && last == SENTINEL {
            return Ok(false);
        }
        let problem = RowProblem::OpenQuote { line: line_of(record) };
        Err(SourceError::row(&self.file, self.num_rows + 1, problem))
    }
}

fn line_of(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// A column without a name, as pandas leaves one for the index, gets the name that pandas gives it.
fn name_columns(file: &Path, first: &StringRecord) -> Result<Vec<String>, SourceError> {
    let mut names: Vec<String> = Vec::with_capacity(first.len());
    for (position, name) in first.iter().enumerate() {
        let name = if name.is_empty() { format!("Unnamed: {position}") } else { name.to_owned() };
        if names.contains(&name) {
            return Err(SourceError::column(file, ColumnError::Twice { column: name }));
        }
        names.push(name);
    }
    Ok(names)
}
