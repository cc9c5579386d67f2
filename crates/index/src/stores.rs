//! Stores on other machines, behind the same trait.
//!
//! Each translates records, filters and scores natively; what a store cannot express is
//! [`StoreError::Unsupported`](crate::StoreError::Unsupported), never a result with too little in it.
//! What fails in passing is tried again ([`Retry`]).

mod bulk;
mod chroma;
mod connect;
mod http;
mod listing;
mod negation;
mod opensearch;
mod pgvector;
mod pinecone;
mod qdrant;
mod retry;
mod status;

pub use chroma::{ChromaConfig, ChromaStore};
pub use connect::{ConnectError, connect};
pub use opensearch::{OpenSearchConfig, OpenSearchStore};
pub use pgvector::{Hnsw, PgVectorConfig, PgVectorStore};
pub use pinecone::{PineconeConfig, PineconeStore};
pub use qdrant::{QdrantConfig, QdrantStore};
pub use retry::Retry;
