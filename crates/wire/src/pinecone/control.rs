//! The control plane: creating, describing and changing indexes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::distinct;
use crate::object::{self, Object};
use crate::word;

/// Body of `POST /indexes`: with `dimension`, `metric` and `spec` from 7.3.0, with `schema` and
/// `deployment` from 10.2.0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeCreateIndexRequest)]
pub struct CreateIndexRequest {
    /// Lower-case letters, digits and `-`.
    pub name: String,
    /// Floats of a dense vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// `cosine` where this is absent; `dotproduct` for sparse vectors.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub metric: Option<Metric>,
    /// `dense` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub vector_type: Option<VectorType>,
    /// Where it is to be, of 7.3.0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub spec: Option<PlaceSpec>,
    /// What its records have, of 10.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub schema: Option<Schema>,
    /// Where it is to be, of 10.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub deployment: Option<Deployment>,
    /// `disabled` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub deletion_protection: Option<DeletionProtection>,
    /// The caller's own notes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    pub tags: Option<BTreeMap<String, String>>,
}

/// How near two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PineconeMetric)]
pub enum Metric {
    /// The cosine of their angle.
    Cosine,
    /// Their dot product.
    DotProduct,
    /// The square of their distance.
    Euclidean,
}

/// What a record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PineconeVectorType)]
pub enum VectorType {
    /// A dense vector.
    Dense,
    /// A sparse vector alone.
    Sparse,
}

/// Whether an index may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PineconeDeletionProtection)]
pub enum DeletionProtection {
    /// It may not.
    Enabled,
    /// It may.
    Disabled,
}

/// Where an index is, in the words of 7.3.0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconePlaceSpec)]
pub struct PlaceSpec {
    /// On nobody's machine in particular.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub serverless: Option<Place>,
    /// On pods, which are read for one field only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub pod: Option<PodSpec>,
}

/// Where an index on pods is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconePodSpec)]
pub struct PodSpec {
    /// A collection that the index is to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
}

/// A region of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconePlace)]
pub struct Place {
    /// Such as `aws`.
    pub cloud: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// A collection that a new index is to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
}

/// Where an index is, in the words of 10.2.0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeDeployment)]
pub struct Deployment {
    /// `managed`, `pod` or `byoc`.
    pub deployment_type: String,
    /// Such as `aws`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// Such as `us-east-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What the records of an index have, in the words of 10.2.0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSchema)]
pub struct Schema {
    /// By name: `_values` and `_sparse_values` are what the routes of vectors mean.
    #[serde(deserialize_with = "fields")]
    pub fields: BTreeMap<String, Field>,
}

fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Field>, D::Error> {
    let fields: BTreeMap<String, Object<Field>> = distinct::one(deserializer)?;
    Ok(fields.into_iter().map(|(name, Object(field))| (name, field)).collect())
}

/// A field of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = PineconeField)]
pub enum Field {
    /// A dense vector.
    DenseVector {
        /// Its floats.
        dimension: usize,
        /// How near two are.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "word::option"
        )]
        metric: Option<Metric>,
    },
    /// A sparse vector.
    SparseVector {},
    /// Text that the index embeds.
    SemanticText {
        /// With which model.
        model: String,
        /// How near two embeddings are.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "word::option"
        )]
        metric: Option<Metric>,
    },
}

/// Body of `POST /indexes/create-for-model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeCreateForModelRequest)]
pub struct CreateForModelRequest {
    /// Lower-case letters, digits and `-`.
    pub name: String,
    /// Such as `aws`.
    pub cloud: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The model that texts are embedded with.
    #[serde(deserialize_with = "object::one")]
    pub embed: EmbedSpec,
    /// `disabled` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub deletion_protection: Option<DeletionProtection>,
    /// The caller's own notes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    pub tags: Option<BTreeMap<String, String>>,
}

/// The model of a new index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedSpec)]
pub struct EmbedSpec {
    /// The name of a served model.
    pub model: String,
    /// Which field of a record is the `text` to embed.
    #[serde(deserialize_with = "distinct::one")]
    pub field_map: BTreeMap<String, String>,
    /// `cosine` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub metric: Option<Metric>,
    /// Floats of an embedding: as many as the model gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
}

/// Body of `PATCH /indexes/{name}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeConfigureIndexRequest)]
pub struct ConfigureIndexRequest {
    /// Whether it may be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub deletion_protection: Option<DeletionProtection>,
    /// Tags to set; one with an empty value is removed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    pub tags: Option<BTreeMap<String, String>>,
    /// A model for an index that has none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub embed: Option<EmbedConfig>,
    /// Capacity that this server does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub spec: Option<serde_json::Value>,
    /// Capacity that this server does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub deployment: Option<serde_json::Value>,
    /// Fields to add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub schema: Option<serde_json::Value>,
}

/// The model of an index that exists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedConfig)]
pub struct EmbedConfig {
    /// The name of a served model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which field of a record is the `text` to embed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    pub field_map: Option<BTreeMap<String, String>>,
}

/// Answer of `GET /indexes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeIndexList)]
pub struct IndexList {
    /// By name.
    pub indexes: Vec<IndexModel>,
}

/// An index, in the words of 7.3.0 and of 10.2.0 at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeIndexModel)]
pub struct IndexModel {
    /// Its name.
    pub name: String,
    /// Where its data plane is: a URL.
    pub host: String,
    /// Whether it answers.
    pub status: IndexStatus,
    /// Whether it may be deleted.
    pub deletion_protection: DeletionProtection,
    /// The caller's own notes.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// What its records have, of 10.2.0.
    #[serde(default)]
    pub schema: Schema,
    /// Where it is, of 10.2.0.
    #[serde(default)]
    pub deployment: Deployment,
    /// Of 10.2.0.
    #[serde(default)]
    pub read_capacity: ReadCapacity,
    /// Floats of a dense vector, of 7.3.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// How near two vectors are, of 7.3.0.
    pub metric: Metric,
    /// What a record has, of 7.3.0.
    pub vector_type: VectorType,
    /// Where it is, of 7.3.0.
    #[serde(default)]
    pub spec: PlaceSpec,
    /// The model that texts are embedded with, of 7.3.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed: Option<EmbedDescription>,
}

/// Whether an index answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeIndexStatus)]
pub struct IndexStatus {
    /// It does.
    pub ready: bool,
    /// `Ready`.
    pub state: String,
}

/// How reads are served.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeReadCapacity)]
pub struct ReadCapacity {
    /// `OnDemand`.
    pub mode: String,
    /// Whether they are.
    pub status: ReadCapacityStatus,
}

/// Whether reads are served.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeReadCapacityStatus)]
pub struct ReadCapacityStatus {
    /// `Ready`.
    pub state: String,
}

/// The model of an index, in the words of 7.3.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedDescription)]
pub struct EmbedDescription {
    /// Its name.
    pub model: String,
    /// How near two embeddings are.
    pub metric: Metric,
    /// Floats of an embedding.
    pub dimension: usize,
    /// `dense`.
    pub vector_type: VectorType,
    /// Which field of a record is the `text` to embed.
    pub field_map: BTreeMap<String, String>,
}
