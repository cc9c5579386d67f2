//! Parquet files, with the types that they declare.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use super::{BATCH_BYTES, BATCH_ROWS, Batches, Scan, SourceError};
use crate::dataset::{Features, type_name};

type Builder = ParquetRecordBatchReaderBuilder<std::fs::File>;

/// Reads the footers of `files`.
pub(super) fn scan(files: &[PathBuf]) -> Result<Scan, SourceError> {
    let mut first: Option<(Schema, Option<Features>)> = None;
    let mut num_rows = Vec::with_capacity(files.len());
    for file in files {
        let builder = open(file)?;
        let schema = plain(builder.schema());
        match &first {
            None => first = Some((schema, Features::declared_in(builder.schema()))),
            Some((expected, _)) => {
                if let Some(difference) = difference(expected, &schema) {
                    let (first, second) = (files[0].clone(), file.clone());
                    return Err(SourceError::Mixed { first, second, difference });
                }
            }
        }
        num_rows.push(
            builder.metadata().row_groups().iter().map(|group| group.num_rows() as u64).sum(),
        );
    }
    let (schema, features) = first.unwrap_or_else(|| (Schema::empty(), None));
    Ok(Scan { schema, num_rows, features })
}

/// Reads the rows of `file`, with those columns that `schema` has.
pub(super) fn read(file: &Path, schema: SchemaRef) -> Result<Batches, SourceError> {
    let builder = open(file)?;
    let batch_rows = batch_rows(builder.metadata());
    let columns = builder.schema().fields().iter().enumerate();
    let wanted = columns.filter(|(_, field)| schema.field_with_name(field.name()).is_ok());
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.map(|(index, _)| index));
    let reader = builder.with_projection(mask).with_batch_size(batch_rows).build();
    let reader = reader.map_err(|source| SourceError::parquet(file, source))?;
    let file = file.to_owned();
    Ok(Box::new(reader.map(move |batch| {
        batch
            .and_then(|batch| make_plain(&batch, &schema))
            .map_err(|source| SourceError::decode(&file, source))
    })))
}

fn open(file: &Path) -> Result<Builder, SourceError> {
    let opened = fs_err::File::open(file).map_err(|source| SourceError::read(file, source))?;
    let builder = Builder::try_new(opened.into_parts().0);
    builder.map_err(|source| SourceError::parquet(file, source))
}

/// As many rows as make [`BATCH_BYTES`] by the footer, which knows the size before compression.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups();
    let num_bytes: i64 = groups.iter().map(|group| group.total_byte_size()).sum();
    let num_rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
    let row_bytes = usize::try_from(num_bytes / num_rows.max(1)).unwrap_or(0).max(1);
    (BATCH_BYTES / row_bytes).clamp(1, BATCH_ROWS)
}

/// The schema without dictionaries, which a `datasets` folder does not keep, and without metadata.
fn plain(schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| {
        if let DataType::Dictionary(_, values) = field.data_type() {
            return Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone()));
        }
        Arc::clone(field)
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

fn make_plain(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        // A dictionary becomes its values; what has its type already is not copied.
        columns.push(cast(column, field.data_type())?);
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn difference(first: &Schema, second: &Schema) -> Option<String> {
    let names =
        |schema: &Schema| schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    let (first_names, second_names) = (names(first), names(second));
    if first_names != second_names {
        return Some(format!(
            "one has the columns {}, the other {}",
            first_names.join(", "),
            second_names.join(", ")
        ));
    }
    for (one, other) in first.fields().iter().zip(second.fields()) {
        if !one.data_type().equals_datatype(other.data_type()) {
            let (name, one, other) =
                (one.name(), type_name(one.data_type()), type_name(other.data_type()));
            return Some(format!("column `{name}` holds {one} in one and {other} in the other"));
        }
    }
    None
}

#[cfg(test)]
mod tests;
