//! Named sets of vectors: namespaces, metadata filters, top_k.
//!
//! Every store implements [`VectorStore`]: the embedded one and the clients of remote ones.
//! [`Checked`] stands above them and refuses what no store may see, once for all. What a store
//! acknowledged survives a kill.
//!
//! Not for: text, models, HTTP. An index keeps the [`Fingerprint`] of the model that its vectors
//! came from and never looks into it.

mod checked;
mod codes;
mod embedded;
mod error;
mod filter;
mod invalid;
mod memory;
mod metadata;
mod query;
mod record;
mod spec;
mod store;
mod stores;

pub use checked::{Checked, MAX_BATCH_RECORDS, MAX_TOP_K};
pub use codes::{Budget, Candidates, Codes, Effort, Plan, Size, Way, plan};
pub use embedded::{EmbeddedConfig, EmbeddedStore, IndexCheck};
pub use error::StoreError;
pub use filter::{Comparison, Condition, Filter, FilterError};
pub use invalid::InvalidRequest;
pub use memory::MemoryStore;
pub use metadata::{
    MAX_METADATA_BYTES, Metadata, MetadataError, Value, from_json as metadata_from_json,
};
pub use query::{
    Explain, Fusion, Include, Match, Precision, Query, QueryResult, Stage, StageScore,
};
pub use record::{Namespace, Record, RecordPage, Selection, SparseVector, Update};
pub use spec::{
    Fingerprint, IndexChange, IndexDescription, IndexName, IndexSpec, Metric, NamespaceStats,
    Protection, SparseWeights, Stats, VectorKind,
};
pub use store::{Capabilities, PageRequest, VectorStore, Written};
pub use stores::{
    ChromaConfig, ChromaStore, ConnectError, Hnsw, OpenSearchConfig, OpenSearchStore,
    PgVectorConfig, PgVectorStore, PineconeConfig, PineconeStore, QdrantConfig, QdrantStore, Retry,
    connect,
};
