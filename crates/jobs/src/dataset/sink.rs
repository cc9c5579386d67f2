//! Rows with their embeddings → a dataset folder.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, FixedSizeListArray, Float32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::errors::ParquetError;

use super::WriteError;
use super::card::{self, Sizes};
use super::features::Features;
use super::provenance::Provenance;
use super::shard::{Shard, ShardFormat};
use super::staging::{Staging, sync_folder};
use crate::job::Summary;
use crate::source::Source;

/// A shard ends above this, as those of `datasets` do not: theirs are 500 MB, ours are for smaller
/// machines too.
pub(crate) const SHARD_BYTES: u64 = 256 << 20;

/// A dataset folder that is being written. Dropped before [`Sink::finish`], it leaves nothing.
pub(crate) struct Sink {
    staging: Staging,
    data: PathBuf,
    format: ShardFormat,
    features: Features,
    provenance: Provenance,
    shard_bytes: u64,
    open: Option<Shard>,
    finished: Vec<PathBuf>,
    sizes: Sizes,
}

/// What the rows are, without the embedding.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) schema: &'a SchemaRef,
    /// The same as `datasets` describes them.
    pub(crate) features: &'a Features,
}

impl<'a> From<&'a Source> for Columns<'a> {
    fn from(source: &'a Source) -> Self {
        Self { schema: source.schema(), features: source.features() }
    }
}

impl Sink {
    /// Writes rows of `columns` and embeddings into `staging`, in shards of about `shard_bytes`.
    pub(crate) fn new(
        staging: Staging,
        columns: Columns<'_>,
        provenance: Provenance,
        shard_bytes: u64,
    ) -> Result<Self, WriteError> {
        let data = staging.folder().join("data");
        fs_err::create_dir(&data).map_err(|error| WriteError::io(&data, error))?;
        let embedding = embedding_field(&provenance);
        let mut features = columns.features.clone();
        features.push(&embedding);
        let mut fields = columns.schema.fields().to_vec();
        fields.push(Arc::new(embedding));
        let origin = serde_json::to_string(&provenance).expect("strings and numbers serialize");
        let format = ShardFormat::new(Schema::new(fields), features.metadata(), origin);
        Ok(Self {
            staging,
            data,
            format,
            features,
            provenance,
            shard_bytes,
            open: None,
            finished: Vec::new(),
            sizes: Sizes::default(),
        })
    }

    /// Appends rows and their embeddings, `[num_rows, dimensions]`, row major.
    pub(crate) fn write(
        &mut self,
        rows: &RecordBatch,
        embeddings: Vec<f32>,
    ) -> Result<(), WriteError> {
        let rows = self.with_embeddings(rows, embeddings)?;
        self.sizes.num_rows += rows.num_rows() as u64;
        self.sizes.num_bytes += arrow_bytes(&rows);
        let mut shard = match self.open.take() {
            Some(shard) => shard,
            None => {
                // The final names say how many there are; until then, any order-keeping name will do.
                let name = format!("train-{:05}.parquet", self.finished.len());
                Shard::create(self.data.join(name), &self.format)?
            }
        };
        shard.write(&rows)?;
        if shard.num_bytes() >= self.shard_bytes {
            self.end_shard(shard)
        } else {
            self.open = Some(shard);
            Ok(())
        }
    }

    fn end_shard(&mut self, shard: Shard) -> Result<(), WriteError> {
        let (path, num_bytes) = shard.finish()?;
        self.sizes.download_bytes += num_bytes;
        self.finished.push(path);
        Ok(())
    }

    fn with_embeddings(
        &self,
        rows: &RecordBatch,
        embeddings: Vec<f32>,
    ) -> Result<RecordBatch, WriteError> {
        let schema = &self.format.schema;
        let embedding = schema.fields().last().expect("there is the embedding");
        let DataType::FixedSizeList(item, dimensions) = embedding.data_type() else {
            unreachable!("an embedding is a list of fixed size")
        };
        let values = Arc::new(Float32Array::from(embeddings));
        let column = FixedSizeListArray::try_new(Arc::clone(item), *dimensions, values, None);
        let with = column.and_then(|column| {
            let mut columns = rows.columns().to_vec();
            columns.push(Arc::new(column));
            RecordBatch::try_new(Arc::clone(schema), columns)
        });
        with.map_err(|error| WriteError::parquet(&self.data, ParquetError::from(error)))
    }

    /// Ends the last shard, names the shards, writes the card and gives the folder its name.
    pub(crate) fn finish(mut self, source_name: &str, summary: &Summary) -> Result<(), WriteError> {
        if let Some(shard) = self.open.take() {
            self.end_shard(shard)?;
        }
        let num_shards = self.finished.len();
        for (index, path) in self.finished.iter().enumerate() {
            let named = self.data.join(format!("train-{index:05}-of-{num_shards:05}.parquet"));
            fs_err::rename(path, &named).map_err(|error| WriteError::io(&named, error))?;
        }
        sync_folder(&self.data)?;
        let text = card::write(&self.features, self.sizes, &self.provenance, source_name, summary);
        let path = self.staging.folder().join("README.md");
        let written = fs_err::File::create_new(&path).and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| WriteError::io(&path, error))?;
        self.staging.commit()
    }
}

fn embedding_field(provenance: &Provenance) -> Field {
    let dimensions = i32::try_from(provenance.encoder.dimensions);
    let dimensions = dimensions.expect("no encoder has two thousand million dimensions");
    let item = Arc::new(Field::new_list_field(DataType::Float32, false));
    Field::new(&provenance.embedding_column, DataType::FixedSizeList(item, dimensions), true)
}

/// As `datasets` counts a split: the bytes of its Arrow arrays.
fn arrow_bytes(rows: &RecordBatch) -> u64 {
    let bytes =
        |column: &Arc<dyn Array>| column.to_data().get_slice_memory_size().unwrap_or(0) as u64;
    rows.columns().iter().map(bytes).sum()
}

#[cfg(test)]
mod tests;
