//! The rows of a dataset that are closest to a query: exact, by cosine.
//!
//! One pass over the embeddings alone, a batch in memory at a time, then one over the other columns of
//! the rows found.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{FieldRef, Float32Type};
use arrow::error::ArrowError;
use arrow::json::writer::{JsonArray, WriterBuilder};
use kernels::{Hit, TopK};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::RowSelection;
use serde_json::Value;

use super::ReadError;
use super::read::{Dataset, Shard};

/// The most floats of embeddings in memory at a time: 4 MiB.
const BATCH_FLOATS: usize = 1 << 20;

/// One row found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its number in the dataset, from 0.
    pub row: u64,
    /// The cosine between the query and the row's embedding, from -1 to 1; 0 if that is all zeros.
    pub score: f32,
    /// Its columns in order, without the embedding.
    pub values: Vec<(String, Value)>,
}

/// The columns of one row.
type Values = Vec<(String, Value)>;

impl Dataset {
    /// Returns the `k` rows that are closest to `query`, best first; equal scores in row order.
    ///
    /// The score is the cosine, whatever the length of `query`. If the dataset's embeddings are not
    /// normalized, they are divided by their lengths on the way.
    ///
    /// # Errors
    ///
    /// [`ReadError::Query`] if `query` is not of the dataset's dimensions, or has no direction.
    pub fn search(&self, query: &[f32], k: usize) -> Result<Vec<Found>, ReadError> {
        let query = self.unit_query(query)?;
        let mut best = TopK::new(&query, k);
        for shard in self.shards() {
            self.offer(shard, &mut best)?;
        }
        let hits = best.into_hits();
        let mut values = self.values_of(&hits)?;
        let found = |hit: Hit| {
            let values = values.remove(&hit.row).expect("the row of each hit was read");
            Found { row: hit.row as u64, score: hit.score, values }
        };
        Ok(hits.into_iter().map(found).collect())
    }

    fn unit_query(&self, query: &[f32]) -> Result<Vec<f32>, ReadError> {
        let dimensions = self.provenance().encoder.dimensions;
        if query.len() != dimensions {
            let got = query.len();
            let reason = format!("it has {got} dimensions, and the dataset has {dimensions}");
            return Err(ReadError::Query { reason });
        }
        let mut unit = query.to_vec();
        if !scale_to_unit(&mut unit) {
            return Err(ReadError::Query { reason: "its length is 0 or not finite".to_owned() });
        }
        Ok(unit)
    }

    /// Offers the rows of one shard.
    fn offer(&self, shard: &Shard, best: &mut TopK) -> Result<(), ReadError> {
        let provenance = self.provenance();
        let dimensions = provenance.encoder.dimensions;
        let reader = shard.reader()?;
        let column = shard.schema().fields().find(&provenance.embedding_column);
        let mask = ProjectionMask::roots(reader.parquet_schema(), column.map(|(index, _)| index));
        let batch_rows = (BATCH_FLOATS / dimensions).max(1);
        let batches = reader.with_projection(mask).with_batch_size(batch_rows).build();
        for batch in batches.map_err(|error| ReadError::parquet(&shard.path, error))? {
            let batch = batch.map_err(|error| ReadError::decode(&shard.path, error))?;
            let mut rows = Cow::Borrowed(embeddings(&batch));
            if !provenance.encoder.normalized {
                for row in rows.to_mut().chunks_exact_mut(dimensions) {
                    scale_to_unit(row);
                }
            }
            best.offer(&rows);
        }
        Ok(())
    }

    /// Reads the other columns of the rows found.
    fn values_of(&self, hits: &[Hit]) -> Result<HashMap<usize, Values>, ReadError> {
        let mut rows: Vec<usize> = hits.iter().map(|hit| hit.row).collect();
        rows.sort_unstable();
        let mut values = HashMap::with_capacity(rows.len());
        let mut first_row = 0;
        for shard in self.shards() {
            let end = first_row + shard.num_rows() as usize;
            let here: Vec<usize> =
                rows.iter().copied().filter(|row| (first_row..end).contains(row)).collect();
            let local: Vec<usize> = here.iter().map(|row| row - first_row).collect();
            values.extend(here.into_iter().zip(self.read_values(shard, &local)?));
            first_row = end;
        }
        Ok(values)
    }

    fn read_values(&self, shard: &Shard, rows: &[usize]) -> Result<Vec<Values>, ReadError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let embedding = &self.provenance().embedding_column;
        let kept =
            |(index, field): (usize, &FieldRef)| (field.name() != embedding).then_some(index);
        let reader = shard.reader()?;
        let columns = shard.schema().fields().iter().enumerate().filter_map(kept);
        let mask = ProjectionMask::roots(reader.parquet_schema(), columns);
        let ranges = rows.iter().map(|&row| row..row + 1);
        let selection = RowSelection::from_consecutive_ranges(ranges, shard.num_rows() as usize);
        let batches = reader.with_projection(mask).with_row_selection(selection).build();
        let mut values = Vec::with_capacity(rows.len());
        for batch in batches.map_err(|error| ReadError::parquet(&shard.path, error))? {
            let read = batch.and_then(|batch| json_rows(&batch));
            values.extend(read.map_err(|error| ReadError::decode(&shard.path, error))?);
        }
        Ok(values)
    }
}

/// The floats of a batch's one column, row major.
fn embeddings(batch: &RecordBatch) -> &[f32] {
    floats(batch.column(0))
}

/// The floats of a column of embeddings, row major.
pub(super) fn floats(column: &dyn Array) -> &[f32] {
    let column = column.as_fixed_size_list();
    // A slice of the list does not slice its values.
    let length = column.value_length() as usize;
    let start = column.offset() * length;
    let values = column.values().as_primitive::<Float32Type>();
    &values.values()[start..start + column.len() * length]
}

/// Divides by the length, and says whether there was one.
fn scale_to_unit(vector: &mut [f32]) -> bool {
    let square: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let norm = square.sqrt();
    if !(norm > 0.0 && norm.is_finite()) {
        return false;
    }
    for x in vector {
        *x = (f64::from(*x) / norm) as f32;
    }
    true
}

/// Reads rows as JSON, each with its columns in order.
pub(crate) fn json_rows(batch: &RecordBatch) -> Result<Vec<Vec<(String, Value)>>, ArrowError> {
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, JsonArray>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&writer.into_inner())
        .map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let schema = batch.schema();
    let in_order = |mut row: serde_json::Map<String, Value>| {
        let mut value = |name: &String| (name.clone(), row.remove(name).unwrap_or(Value::Null));
        schema.fields().iter().map(|field| value(field.name())).collect()
    };
    Ok(rows.into_iter().map(in_order).collect())
}
