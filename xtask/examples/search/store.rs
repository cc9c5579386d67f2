//! An index in a fresh store, and what is asked of it.

use std::path::Path;
use std::time::Duration;

use index::{
    EmbeddedConfig, EmbeddedStore, Fusion, Include, IndexName, IndexSpec, Metric, Namespace,
    Precision, Protection, Query, QueryResult, Record, SparseWeights, StoreError, VectorKind,
    VectorStore,
};

/// Records of a batch.
pub(crate) const BATCH_RECORDS: usize = 1_000;
/// How many records a query wants.
pub(crate) const TOP_K: usize = 10;

/// An index of vectors whose ids are their row numbers.
pub(crate) struct Index {
    pub(crate) store: EmbeddedStore,
    pub(crate) name: IndexName,
    dimensions: usize,
}

impl Index {
    /// Opens the data directory, and makes the index if it is not there.
    pub(crate) async fn open(
        dir: &Path,
        dimensions: usize,
        query_time: Duration,
    ) -> anyhow::Result<Self> {
        let config = EmbeddedConfig { query_time, ..EmbeddedConfig::default() };
        let store = EmbeddedStore::open(dir, config)?;
        let name = IndexName::try_from("bench")?;
        match store.create_index(&spec(&name, dimensions)).await {
            Ok(()) | Err(StoreError::IndexExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { store, name, dimensions })
    }

    /// Writes rows, the first of them numbered `first`, a batch at a time, each durable before the next.
    pub(crate) async fn fill(&self, first: usize, rows: &[f32]) -> anyhow::Result<()> {
        let mut number = first;
        for rows in rows.chunks(BATCH_RECORDS * self.dimensions) {
            let batch = records(number, rows, self.dimensions);
            number += batch.len();
            self.upsert(batch).await?;
        }
        Ok(())
    }

    /// Writes one batch.
    pub(crate) async fn upsert(&self, batch: Vec<Record>) -> anyhow::Result<()> {
        self.store.upsert(&self.name, &Namespace::default(), batch).await?;
        Ok(())
    }

    pub(crate) async fn query(
        &self,
        vector: &[f32],
        precision: Precision,
    ) -> anyhow::Result<QueryResult> {
        let query = query(vector, precision);
        Ok(self.store.query(&self.name, &Namespace::default(), &query).await?)
    }
}

/// Makes records of rows, the first of them numbered `first`.
pub(crate) fn records(first: usize, rows: &[f32], dimensions: usize) -> Vec<Record> {
    let rows = rows.chunks_exact(dimensions).zip(first..);
    rows.map(|(row, number)| Record { id: id(number), values: row.to_vec(), ..Record::default() })
        .collect()
}

/// Names a row.
pub(crate) fn id(number: usize) -> String {
    format!("row-{number}")
}

/// Returns the row numbers of what was found.
pub(crate) fn rows_of(result: &QueryResult) -> Vec<u32> {
    let number = |id: &String| id.strip_prefix("row-").and_then(|number| number.parse().ok());
    result.matches.iter().filter_map(|found| number(&found.id)).collect()
}

pub(crate) fn query(vector: &[f32], precision: Precision) -> Query {
    Query {
        vector: vector.to_vec(),
        sparse: None,
        fusion: Fusion::Sum,
        top_k: TOP_K,
        filter: None,
        include: Include::default(),
        precision,
    }
}

fn spec(name: &IndexName, dimensions: usize) -> IndexSpec {
    IndexSpec {
        name: name.clone(),
        dimensions,
        metric: Metric::Cosine,
        kind: VectorKind::Dense,
        sparse_weights: SparseWeights::default(),
        protection: Protection::default(),
        tags: std::collections::BTreeMap::new(),
        fingerprint: None,
    }
}
