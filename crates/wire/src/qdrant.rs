//! Qdrant's REST API, as a client of ours sends and reads it: collections, points, queries, facets.
//!
//! # Source
//!
//! `docs/redoc/master/openapi.json` of Qdrant 1.16 and later, the first with metadata of collections.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What every answer has around its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer<T> {
    /// The result.
    pub result: T,
}

/// `PUT /collections/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateCollection {
    /// Its vectors, which have no name.
    pub vectors: VectorParams,
    /// Parts, which lie on the nodes of a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_number: Option<u32>,
    /// Copies of each part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
    /// Copies that must have a write before it is acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_consistency_factor: Option<u32>,
    /// The caller's own.
    pub metadata: Map<String, Value>,
}

/// What a vector is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorParams {
    /// Its floats.
    pub size: usize,
    /// How two are compared.
    pub distance: Distance,
}

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Distance {
    /// The cosine of their angle. Vectors are scaled to length 1 when they are written.
    Cosine,
    /// Their dot product.
    Dot,
    /// Their distance.
    Euclid,
}

/// `PATCH /collections/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateCollection {
    /// Keys to set; others stay.
    pub metadata: Map<String, Value>,
}

/// The result of `GET /collections`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionList {
    /// In no order.
    pub collections: Vec<CollectionName>,
}

/// One collection of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionName {
    /// Its name.
    pub name: String,
}

/// The result of `GET /collections/{name}`; what is left out here is read over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionInfo {
    /// How it was created and changed.
    pub config: CollectionConfig,
}

/// How a collection was created and changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionConfig {
    /// The caller's own.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// `PUT /collections/{name}/index`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateFieldIndex {
    /// Which field of the payloads.
    pub field_name: String,
    /// What for.
    pub field_schema: KeywordIndex,
}

/// An index of whole texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeywordIndex {
    /// `keyword`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether most queries are about one value of the field.
    pub is_tenant: bool,
}

/// `PUT /collections/{name}/points`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpsertPoints<P> {
    /// To write or to replace.
    pub points: Vec<Point<P>>,
}

/// A vector with its id and whatever belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point<P> {
    /// A UUID.
    pub id: String,
    /// The vector.
    pub vector: Vec<f32>,
    /// The caller's own.
    pub payload: P,
}

/// `POST /collections/{name}/points`: some by their ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetPoints {
    /// Which.
    pub ids: Vec<String>,
    /// Whether their payloads come, or which fields of them.
    pub with_payload: Fields,
    /// Whether their vectors come.
    pub with_vector: bool,
}

/// All of a payload or nothing, or some fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fields {
    /// All or nothing.
    Whether(bool),
    /// These.
    Some(Vec<String>),
}

/// A point as answers have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundPoint<P> {
    /// How near it is, if that was asked for.
    #[serde(default)]
    pub score: Option<f32>,
    /// Its payload, if asked for.
    #[serde(default = "Option::default")]
    pub payload: Option<P>,
    /// Its vector, if asked for.
    #[serde(default)]
    pub vector: Option<Vec<f32>>,
}

/// `POST /collections/{name}/points/query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryPoints {
    /// The vector to be near to.
    pub query: Vec<f32>,
    /// Which points count.
    pub filter: Filter,
    /// How they are searched.
    pub params: SearchParams,
    /// How many, at most.
    pub limit: usize,
    /// Whether payloads come, or which fields of them.
    pub with_payload: Fields,
    /// Whether vectors come.
    pub with_vector: bool,
}

/// How points are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchParams {
    /// Whether all are compared.
    pub exact: bool,
}

/// The result of [`QueryPoints`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryResult<P> {
    /// Nearest first.
    pub points: Vec<FoundPoint<P>>,
}

/// `POST /collections/{name}/points/scroll`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scroll {
    /// Which points.
    pub filter: Filter,
    /// How many, at most.
    pub limit: usize,
    /// Where the page before said that this one begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Value>,
    /// Whether payloads come, or which fields of them.
    pub with_payload: Fields,
    /// Whether vectors come.
    pub with_vector: bool,
}

/// The result of [`Scroll`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScrollResult<P> {
    /// In the order of their ids.
    pub points: Vec<FoundPoint<P>>,
    /// Where the next page begins, if there is one.
    #[serde(default)]
    pub next_page_offset: Option<Value>,
}

/// `POST /collections/{name}/points/count`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountPoints {
    /// Which points.
    pub filter: Filter,
    /// Whether an estimate will not do.
    pub exact: bool,
}

/// The result of [`CountPoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountResult {
    /// How many.
    pub count: u64,
}

/// `POST /collections/{name}/facet`: how many points have each value of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facet {
    /// Which field, of which there must be an index.
    pub key: String,
    /// The most values.
    pub limit: usize,
    /// Which points count.
    pub filter: Filter,
    /// Whether an estimate will not do.
    pub exact: bool,
}

/// The result of [`Facet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacetResult {
    /// The most frequent value first.
    pub hits: Vec<FacetHit>,
}

/// A value and how many points have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetHit {
    /// The value.
    pub value: String,
    /// How many.
    pub count: u64,
}

/// `POST /collections/{name}/points/delete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeletePoints {
    /// Which points.
    pub filter: Filter,
}

/// Which points: those that meet all of `must`, one of `should` if there are any, and none of `must_not`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// All of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must: Vec<Condition>,
    /// One of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub should: Vec<Condition>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_not: Vec<Condition>,
}

/// A part of a [`Filter`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// A value of a field, or one item of it if it is a list.
    Match {
        /// The way to the field.
        key: String,
        /// What it must be.
        r#match: Match,
    },
    /// A number of a field.
    Range {
        /// The way to the field.
        key: String,
        /// Between what.
        range: Range,
    },
    /// The point is one of these.
    HasId {
        /// Their ids.
        has_id: Vec<String>,
    },
    /// A filter within.
    Filter(Filter),
}

/// What a field must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Match {
    /// This.
    Value {
        /// A text or a boolean.
        value: Value,
    },
    /// One of these.
    Any {
        /// Texts.
        any: Vec<String>,
    },
}

/// Between what a number must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gt: Option<f64>,
    /// This or greater.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gte: Option<f64>,
    /// Less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lt: Option<f64>,
    /// This or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lte: Option<f64>,
}
