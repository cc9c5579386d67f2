//! What every store can be asked.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec, Stats};

/// A place that keeps indexes.
///
/// Requests have passed [`Checked`](crate::Checked): dimensions fit, numbers are finite, ids are
/// unique in a batch and of 1 to 512 bytes, and a store never looks at these again. When a method
/// that writes returns `Ok`, the write is durable as far as the store can promise it, and where
/// [`Capabilities::read_your_writes`] holds, every later read sees it.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Returns what the store can do, which does not change.
    fn capabilities(&self) -> Capabilities;

    /// Creates an empty index.
    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError>;

    /// Returns all indexes, by name.
    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError>;

    /// Returns one index.
    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError>;

    /// Returns what an index is, without counting what it holds: every write and query asks for it.
    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        Ok(self.describe_index(index).await?.spec)
    }

    /// Changes an index, and returns it as it is then.
    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError>;

    /// Deletes an index with all that it holds. [`Checked`](crate::Checked) refuses protected ones; a
    /// store that can refuses them once more, in case they have become so in between.
    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError>;

    /// Writes records, replacing those with the same ids. All of them or, if the store is
    /// [`atomic`](Capabilities::atomic_batches), none.
    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError>;

    /// Changes one record. It is no error if there is none of this id: `num_records` is then 0.
    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError>;

    /// Returns the records of these ids that are there, in the order asked.
    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError>;

    /// Returns a page of ids, in the order of their bytes.
    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError>;

    /// Returns the ids of records whose metadata passes, at most `limit`, in any order.
    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Deletes records; `num_records` says how many there were, where the store knows. Emptying
    /// a namespace removes it.
    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError>;

    /// Returns the nearest records. A namespace that is not there holds none.
    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError>;

    /// Counts records, all or those that pass a filter.
    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError>;
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Records written, changed or deleted.
    pub num_records: u64,
    /// The number of the write, ascending within an index; 0 where a store has none.
    pub lsn: u64,
}

/// Which page of ids is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Only ids that begin with this.
    pub prefix: String,
    /// The most ids, from 1.
    pub limit: usize,
    /// Only ids after this one.
    pub after: Option<String>,
}

/// What a store can do, which decides what it may be asked and which cases of the conformance suite
/// it must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What the store is called in messages.
    pub name: &'static str,
    /// An acknowledged write is seen by every later read.
    pub read_your_writes: bool,
    /// An upsert is written whole or not at all.
    pub atomic_batches: bool,
    /// Queries by [`Precision::Exact`](crate::Precision::Exact) are exact.
    pub exact_queries: bool,
    /// Sparse vectors, alone or beside dense ones.
    pub sparse: bool,
    /// A vector of zeros under cosine.
    pub zero_vectors: bool,
    /// Negation in filters, and fields that may be missing, as Pinecone defines them.
    pub full_filters: bool,
    /// Floats of a vector, at most.
    pub max_dimensions: usize,
}
