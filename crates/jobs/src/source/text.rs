//! Plain text: a row a line, in a column `text`, as `load_dataset("text")` has it.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::utf8::{self, Utf8Reader};
use super::{BATCH_BYTES, BATCH_ROWS, Batches, MAX_ROW_BYTES, Scan, Ticker};
use super::{RowProblem, SourceError};

/// The one column's name.
const COLUMN: &str = "text";

/// Counts the lines of `files`.
pub(super) fn scan(files: &[PathBuf], ticker: &mut Ticker<'_>) -> Result<Scan, SourceError> {
    let mut num_rows = Vec::with_capacity(files.len());
    for file in files {
        let mut lines = Lines::open(file)?;
        let mut line = String::new();
        while lines.next(&mut line)? {
            ticker.row()?;
        }
        num_rows.push(lines.number());
    }
    let schema = Schema::new(vec![Field::new(COLUMN, DataType::Utf8, true)]);
    Ok(Scan { schema, num_rows, features: None })
}

/// Reads `file` again.
pub(super) fn read(file: &Path, schema: SchemaRef) -> Result<Batches, SourceError> {
    let mut lines = Lines::open(file)?;
    let mut line = String::new();
    let mut next = move || {
        let mut column = StringBuilder::new();
        let (mut num_rows, mut num_bytes) = (0, 0);
        while num_rows < BATCH_ROWS && num_bytes < BATCH_BYTES && lines.next(&mut line)? {
            column.append_value(&line);
            num_rows += 1;
            num_bytes += line.len();
        }
        if num_rows == 0 {
            return Ok(None);
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(column.finish())]);
        batch.map(Some).map_err(|source| SourceError::decode(&lines.file, source))
    };
    Ok(Box::new(std::iter::from_fn(move || next().transpose())))
}

/// The lines of one file, without their ends.
pub(super) struct Lines {
    file: PathBuf,
    reader: Utf8Reader<Box<dyn Read>>,
    number: u64,
}

impl Lines {
    pub(super) fn open(file: &Path) -> Result<Self, SourceError> {
        Ok(Self { file: file.to_owned(), reader: utf8::open(file)?, number: 0 })
    }

    /// Puts the next line into `line`, or returns false at the end.
    pub(super) fn next(&mut self, line: &mut String) -> Result<bool, SourceError> {
        line.clear();
        let mut bytes = std::mem::take(line).into_bytes();
        let mut limited = (&mut self.reader).take(MAX_ROW_BYTES as u64 + 1);
        let num_read = limited.read_until(b'\n', &mut bytes);
        if num_read.map_err(|source| SourceError::read(&self.file, source))? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if bytes.len() > MAX_ROW_BYTES {
            let problem = RowProblem::TooLong { line: self.number };
            return Err(SourceError::row(&self.file, self.number, problem));
        }
        *line = String::from_utf8(bytes).expect("the reader passes UTF-8 and a line is whole");
        if line.ends_with('\n') {
            line.pop();
            if line.ends_with('\r') {
                line.pop();
            }
        }
        Ok(true)
    }

    /// Returns the number of the line that came last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}
