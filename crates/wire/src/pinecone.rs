//! Pinecone: indexes, vectors, namespaces, records and inference, as its Python clients 2.2.4, 7.3.0 and
//! 10.2.0 send and read them.
//!
//! The control plane and records have names in snake case, the data plane in camel case. Answers carry
//! the fields of all versions at once, and unknown fields of requests are ignored, as the vendor does, but
//! where records are changed or deleted.

mod control;
mod data;
mod inference;
mod legacy;
mod namespaces;
mod query_vector;
mod records;

pub use control::{
    ConfigureIndexRequest, CreateForModelRequest, CreateIndexRequest, DeletionProtection,
    Deployment, EmbedConfig, EmbedDescription, EmbedSpec, Field, IndexList, IndexModel,
    IndexStatus, Metric, Place, PlaceSpec, PodSpec, ReadCapacity, ReadCapacityStatus, Schema,
    VectorType,
};
pub use data::{
    DeleteRequest, FetchByMetadataRequest, FetchResponse, ListItem, ListResponse, NamespaceCounts,
    NamespaceSummary, Pagination, QueryRequest, QueryResponse, ReadUnits, ScoredVector,
    SparseValues, StatsRequest, StatsResponse, UpdateRequest, UpdateResponse, UpsertRequest,
    UpsertResponse, Vector, write_query_head, write_query_tail,
};
pub use inference::{
    EmbedInput, EmbedParameters, EmbedRequest, EmbedResponse, EmbedUsage, Embedding, InputType,
    ModelInfo, ModelList, ModelParameter, RerankRequest, Truncate, write_embed_head,
    write_embed_item, write_embed_tail,
};
pub use legacy::{CreateDatabaseRequest, Database, DatabaseDescription, DatabaseStatus, WhoAmI};
pub use namespaces::{NamespaceDescription, NamespaceList};
pub use query_vector::QueryVector;
pub use records::{
    Hit, SearchInputs, SearchQuery, SearchRequest, SearchResponse, SearchResult, SearchUsage,
    SearchVector,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error of the control plane and of inference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeControlError)]
pub struct ControlError {
    /// What is wrong.
    pub error: ErrorObject,
    /// The status of the answer.
    pub status: u16,
}

/// What is wrong, in an error of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeErrorObject)]
pub struct ErrorObject {
    /// A word such as `NOT_FOUND`.
    pub code: String,
    /// What is wrong, and the remedy.
    pub message: String,
}

/// An error of the data plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeDataError)]
pub struct DataError {
    /// A code of gRPC.
    pub code: u8,
    /// What is wrong, and the remedy.
    pub message: String,
    /// Empty.
    pub details: Vec<String>,
}
