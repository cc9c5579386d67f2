//! What our own client sends and reads beyond what the dialect serves: an order, groups and deletion by
//! query. Clauses, mappings and `_bulk` are the dialect's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::search::{QueryClause, SourceFields};

/// Body of `/{index}/_search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchBody {
    /// Which documents, and in which order unless `sort` says it.
    pub query: QueryClause,
    /// The most hits.
    pub size: usize,
    /// Fields to order by, before the score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<BTreeMap<String, Order>>,
    /// What of a document comes with its hit.
    #[serde(rename = "_source")]
    pub source: SourceFields,
    /// Groups of documents, by names of our choice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aggs: BTreeMap<String, Aggregation>,
    /// Whether hits are counted.
    pub track_total_hits: bool,
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The least first.
    Asc,
}

/// Groups of documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregation {
    /// By the values of fields, page by page.
    pub composite: Composite,
}

/// Groups by the values of fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// The groups of a page.
    pub size: usize,
    /// The fields, by names of our choice.
    pub sources: Vec<BTreeMap<String, GroupSource>>,
    /// The last group of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Map<String, Value>>,
}

/// One field to group by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSource {
    /// By each of its values.
    pub terms: GroupField,
}

/// The name of a field to group by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupField {
    /// The name.
    pub field: String,
}

/// Answer of [`SearchBody`]; what is left out here is read over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Found<S> {
    /// The documents.
    pub hits: FoundHits<S>,
    /// The groups, if asked for.
    #[serde(default = "BTreeMap::new")]
    pub aggregations: BTreeMap<String, FoundGroups>,
}

/// The documents that were found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FoundHits<S> {
    /// Best first.
    pub hits: Vec<FoundHit<S>>,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FoundHit<S> {
    /// How near; none in another order.
    #[serde(rename = "_score")]
    pub score: Option<f32>,
    /// What of it was asked for.
    #[serde(rename = "_source")]
    pub source: S,
}

/// A page of groups.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FoundGroups {
    /// Where the next page begins after; none on an empty one.
    #[serde(default)]
    pub after_key: Option<Map<String, Value>>,
    /// The groups.
    pub buckets: Vec<Bucket>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Bucket {
    /// The values that its documents have.
    pub key: Map<String, Value>,
    /// How many documents.
    pub doc_count: u64,
}

/// Body of `/{index}/_delete_by_query` and of `/{index}/_count`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryBody {
    /// Which documents.
    pub query: QueryClause,
}

/// Answer of `/{index}/_delete_by_query`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DeletedByQuery {
    /// How many there were.
    pub deleted: u64,
    /// Documents that are still there.
    #[serde(default)]
    pub failures: Vec<Value>,
}

/// Body of `PUT /{index}/_mapping` that changes nothing but the caller's own notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetaBody {
    /// The caller's own.
    #[serde(rename = "_meta")]
    pub meta: Map<String, Value>,
}

/// Answer of `GET /{index}/_mapping`, of which only the caller's own notes are read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FoundMapping {
    /// The mapping.
    pub mappings: FoundMeta,
}

/// The caller's own notes within a mapping.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct FoundMeta {
    /// The notes.
    #[serde(default, rename = "_meta")]
    pub meta: Option<Map<String, Value>>,
}
