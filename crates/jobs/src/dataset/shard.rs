//! One Parquet file of a dataset, while it is written.
//!
//! Embeddings are floats in no order: a dictionary and statistics are wasted on them, while splitting
//! their bytes into streams lets zstd find what their exponents have in common.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::WriteError;
use super::features::HUGGINGFACE_KEY;
use super::provenance::PROVENANCE_KEY;

/// The most rows of one row group, as readers take one at a time.
const ROW_GROUP_ROWS: usize = 50_000;

/// A row group ends above this, encoded: the writer holds it in memory until then.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// How shards are written; the same for all of a dataset.
pub(super) struct ShardFormat {
    /// All columns, the embedding last.
    pub(super) schema: SchemaRef,
    properties: WriterProperties,
}

impl ShardFormat {
    /// Takes the schema, whose last column is the embedding, and the values of the metadata keys.
    pub(super) fn new(schema: Schema, features: String, provenance: String) -> Self {
        // Twice in the file: pyarrow takes the metadata of the Arrow schema and passes over that of
        // the file, while readers that do not know Arrow have only the latter.
        let metadata = [(HUGGINGFACE_KEY, features), (PROVENANCE_KEY, provenance)];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
        let in_file = metadata.clone().map(|(key, value)| KeyValue::new(key, value));
        let schema = Arc::new(schema.with_metadata(HashMap::from(metadata)));
        let embedding = schema.fields().last().expect("there is the embedding");
        let DataType::FixedSizeList(item, _) = embedding.data_type() else {
            unreachable!("an embedding is a list of fixed size")
        };
        let path = ["list", item.name().as_str()].map(str::to_owned);
        let leaf = ColumnPath::new([&[embedding.name().clone()], path.as_slice()].concat());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_column_dictionary_enabled(leaf.clone(), false)
            .set_column_statistics_enabled(leaf.clone(), EnabledStatistics::None)
            .set_column_encoding(leaf, Encoding::BYTE_STREAM_SPLIT)
            .set_key_value_metadata(Some(in_file.to_vec()))
            .build();
        Self { schema, properties }
    }
}

/// An open shard.
pub(super) struct Shard {
    path: PathBuf,
    writer: ArrowWriter<fs_err::File>,
}

impl Shard {
    pub(super) fn create(path: PathBuf, format: &ShardFormat) -> Result<Self, WriteError> {
        let file = fs_err::File::create_new(&path).map_err(|error| WriteError::io(&path, error))?;
        let (schema, properties) = (Arc::clone(&format.schema), format.properties.clone());
        match ArrowWriter::try_new(file, schema, Some(properties)) {
            Ok(writer) => Ok(Self { path, writer }),
            Err(error) => Err(WriteError::parquet(&path, error)),
        }
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), WriteError> {
        self.writer.write(rows).map_err(|error| WriteError::parquet(&self.path, error))?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(|error| WriteError::parquet(&self.path, error))?;
        }
        Ok(())
    }

    /// Returns about how large the file would be if it ended here.
    pub(super) fn num_bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Writes the footer, brings all of it to the disk, and returns the file's path and size.
    pub(super) fn finish(self) -> Result<(PathBuf, u64), WriteError> {
        let file =
            self.writer.into_inner().map_err(|error| WriteError::parquet(&self.path, error))?;
        let synced = file.sync_all().and_then(|()| file.metadata());
        let metadata = synced.map_err(|error| WriteError::io(&self.path, error))?;
        Ok((self.path, metadata.len()))
    }
}
