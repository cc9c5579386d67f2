//! JSON: an object a line, or one array of objects.
//!
//! Every row is parsed once by the scan, strictly: a lone surrogate, a duplicate key or a change of
//! type is found there and named. The rows are then decoded by `arrow`'s reader with the types found.
//! Strings stay strings, also where they look like dates.

mod infer;
mod rows;
mod shape;
mod surrogate;

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;

use self::infer::Inference;
use self::rows::Rows;
use super::{BATCH_BYTES, BATCH_ROWS, Batches, Kind, Scan, SourceError, Ticker};

/// Reads all rows of `files` for their number and the columns' types.
pub(super) fn scan(
    files: &[PathBuf],
    kind: Kind,
    ticker: &mut Ticker<'_>,
) -> Result<Scan, SourceError> {
    let mut inference = Inference::default();
    let mut num_rows = Vec::with_capacity(files.len());
    let mut text = String::new();
    for (index, file) in files.iter().enumerate() {
        let mut rows = Rows::open(file, kind)?;
        while let Some(place) = rows.next(&mut text)? {
            let added = inference.add(&text, index, place);
            added.map_err(|problem| SourceError::row(file, place.row, problem.name(files)))?;
            ticker.row()?;
        }
        num_rows.push(rows.num_rows());
    }
    Ok(Scan { schema: inference.schema(), num_rows, features: None })
}

/// Reads `file` again, with the types that [`scan`] found.
pub(super) fn read(file: &Path, kind: Kind, schema: SchemaRef) -> Result<Batches, SourceError> {
    let mut rows = Rows::open(file, kind)?;
    let builder = ReaderBuilder::new(schema).with_batch_size(BATCH_ROWS).with_strict_mode(true);
    let mut decoder = builder.build_decoder().map_err(|error| SourceError::decode(file, error))?;
    let file = file.to_owned();
    let mut text = String::new();
    let next = move || read_batch(&file, &mut rows, &mut text, &mut decoder).transpose();
    Ok(Box::new(std::iter::from_fn(next)))
}

fn read_batch(
    file: &Path,
    rows: &mut Rows,
    text: &mut String,
    decoder: &mut Decoder,
) -> Result<Option<RecordBatch>, SourceError> {
    let (mut num_rows, mut num_bytes) = (0, 0);
    while num_rows < BATCH_ROWS && num_bytes < BATCH_BYTES && rows.next(text)?.is_some() {
        decoder.decode(text.as_bytes()).map_err(|error| SourceError::decode(file, error))?;
        num_rows += 1;
        num_bytes += text.len();
    }
    decoder.flush().map_err(|error| SourceError::decode(file, error))
}
