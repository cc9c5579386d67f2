//! Chroma's HTTP API, version 2: collections, records and queries.
//!
//! # Source
//!
//! Chroma 1.5.9, `/openapi.json` of its server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The metadata of a collection or a record.
pub type Metadata = Map<String, Value>;

/// `GET /pre-flight-checks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreFlight {
    /// Records of one request, at most.
    pub max_batch_size: usize,
}

/// A collection as the server describes it; what is left out here is read over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Collection {
    /// What requests about its records name it by.
    pub id: String,
    /// Unique in its database.
    pub name: String,
    /// The caller's own.
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

/// `POST …/collections`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateCollection {
    /// 3 to 512 characters of `[a-zA-Z0-9._-]`.
    pub name: String,
    /// The caller's own.
    pub metadata: Metadata,
    /// How vectors are compared.
    pub configuration: Configuration,
    /// Return the collection of this name if there is one.
    pub get_or_create: bool,
}

/// How vectors are compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Configuration {
    /// The graph.
    pub hnsw: Hnsw,
}

/// The graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hnsw {
    /// `cosine`, `ip` or `l2`.
    pub space: Space,
}

/// The distance of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// One minus the cosine.
    Cosine,
    /// One minus the dot product.
    Ip,
    /// The square of the distance.
    L2,
}

/// `PUT …/collections/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateCollection {
    /// Replaces all of the metadata.
    pub new_metadata: Metadata,
}

/// `POST …/collections/{id}/upsert`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upsert {
    /// Which records.
    pub ids: Vec<String>,
    /// The vector of each.
    pub embeddings: Vec<Vec<f32>>,
    /// Fields to set of each; a null removes one.
    pub metadatas: Vec<Option<Metadata>>,
}

/// What comes with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Include {
    /// Vectors.
    Embeddings,
    /// Metadata.
    Metadatas,
    /// How far it is, of queries only.
    Distances,
}

/// `POST …/collections/{id}/get`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Get {
    /// These only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Those only whose metadata passes.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    /// How many, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How many are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// Beside the ids.
    pub include: Vec<Include>,
}

/// The answer to [`Get`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Got {
    /// The records.
    pub ids: Vec<String>,
    /// Their vectors, if asked for.
    #[serde(default)]
    pub embeddings: Option<Vec<Vec<f32>>>,
    /// Their metadata, if asked for.
    #[serde(default)]
    pub metadatas: Option<Vec<Option<Metadata>>>,
}

/// `POST …/collections/{id}/query`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Query {
    /// One or more vectors.
    pub query_embeddings: Vec<Vec<f32>>,
    /// How many records for each.
    pub n_results: usize,
    /// Those only whose metadata passes.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    /// Beside the ids.
    pub include: Vec<Include>,
}

/// The answer to [`Query`]: a list for each vector.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The records, nearest first.
    pub ids: Vec<Vec<String>>,
    /// How far they are, if asked for.
    #[serde(default)]
    pub distances: Option<Vec<Vec<Option<f32>>>>,
    /// Their vectors, if asked for.
    #[serde(default)]
    pub embeddings: Option<Vec<Vec<Vec<f32>>>>,
    /// Their metadata, if asked for.
    #[serde(default)]
    pub metadatas: Option<Vec<Vec<Option<Metadata>>>>,
}

/// `POST …/collections/{id}/delete`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Delete {
    /// These.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Those whose metadata passes.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

/// The answer to [`Delete`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deleted {
    /// How many were asked for or passed; with ids, those that were not there count too.
    #[serde(default)]
    pub deleted: u64,
}
