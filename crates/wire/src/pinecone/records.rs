//! Records: text in, hits out. In snake case as the vendor has them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{distinct, object};

/// Body of `POST /records/namespaces/{namespace}/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchRequest)]
pub struct SearchRequest {
    /// What is searched for.
    #[serde(deserialize_with = "object::one")]
    pub query: SearchQuery,
    /// Which fields come with each hit; all where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// A second, slower order, which needs a reranker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub rerank: Option<serde_json::Value>,
}

/// What is searched for: a text, a vector or what is near a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchQuery)]
pub struct SearchQuery {
    /// 1 to 10,000.
    pub top_k: usize,
    /// A text that is embedded first.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub inputs: Option<SearchInputs>,
    /// A vector.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub vector: Option<SearchVector>,
    /// A record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which records count.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<serde_json::Value>,
    /// Words that hits must have, which only hosted sparse models know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub match_terms: Option<serde_json::Value>,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchInputs)]
pub struct SearchInputs {
    /// The text.
    pub text: String,
}

/// A vector, dense, sparse or both.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchVector)]
pub struct SearchVector {
    /// The dense part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f32>>,
    /// Terms of the sparse part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_indices: Option<Vec<u32>>,
    /// Their weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<Vec<f32>>,
}

/// Answer of `POST /records/namespaces/{namespace}/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchResponse)]
pub struct SearchResponse {
    /// What was found.
    pub result: SearchResult,
    /// What it took.
    pub usage: SearchUsage,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchResult)]
pub struct SearchResult {
    /// Best first.
    pub hits: Vec<Hit>,
}

/// One record that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeHit)]
pub struct Hit {
    /// Which.
    #[serde(rename = "_id")]
    pub id: String,
    /// How near.
    #[serde(rename = "_score")]
    pub score: f32,
    /// Its text and metadata, as asked.
    #[schema(value_type = Object)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What a search took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSearchUsage)]
pub struct SearchUsage {
    /// Always 1.
    pub read_units: u64,
    /// Tokens of the text, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed_total_tokens: Option<usize>,
}
