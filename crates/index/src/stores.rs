//! Stores on other machines, behind the same trait.
//!
//! Each translates records, filters and scores natively; what a store cannot express is
//! [`StoreError::Unsupported`](crate::StoreError::Unsupported), never a result with too little in it.
//! What fails in passing is tried again ([`Retry`]).

mod bulk;
mod chroma;
mod http;
mod listing;
mod negation;
mod pgvector;
mod retry;
mod status;

pub use chroma::{ChromaConfig, ChromaStore};
pub use pgvector::{Hnsw, PgVectorConfig, PgVectorStore};
pub use retry::Retry;
