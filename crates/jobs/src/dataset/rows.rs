//! All rows of a dataset, in order, a batch in memory at a time.

use arrow::array::RecordBatch;

use super::ReadError;
use super::read::{Dataset, Shard};
use super::search::floats;

/// The most rows of one batch.
const BATCH_ROWS: usize = 1_000;

/// The columns of some rows without the embedding, and their embeddings `[num_rows, dimensions]`.
type Rows = (RecordBatch, Vec<f32>);

impl Dataset {
    /// Reads all rows.
    pub(crate) fn batches(&self) -> impl Iterator<Item = Result<Rows, ReadError>> {
        self.shards().iter().flat_map(|shard| {
            let batches = self.batches_of(shard);
            batches.unwrap_or_else(|error| Box::new(std::iter::once(Err(error))))
        })
    }

    fn batches_of<'a>(
        &'a self,
        shard: &'a Shard,
    ) -> Result<Box<dyn Iterator<Item = Result<Rows, ReadError>> + 'a>, ReadError> {
        let reader = shard.reader()?.with_batch_size(BATCH_ROWS).build();
        let reader = reader.map_err(|error| ReadError::parquet(&shard.path, error))?;
        Ok(Box::new(reader.map(|batch| {
            let mut rows = batch.map_err(|error| ReadError::decode(&shard.path, error))?;
            let column = rows.schema().index_of(&self.provenance().embedding_column);
            let column = column.map_err(|error| ReadError::decode(&shard.path, error))?;
            let column = rows.remove_column(column);
            Ok((rows, floats(&column).to_vec()))
        })))
    }
}
