//! OpenSearch: indexes of one `knn_vector` field, documents, `_bulk` and `_search`, as opensearch-py and
//! LangChain's `OpenSearchVectorSearch` send them.
//!
//! Unknown fields of a query are refused, as OpenSearch itself does it: a condition that is left out
//! would find other documents. Mappings and settings are kept as they came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub mod bulk;
pub mod client;
pub mod search;

/// Body of `PUT /{index}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIndexRequest {
    /// Kept and shown; nothing in them changes what this server does.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// The fields of documents, one of which is a `knn_vector`.
    #[serde(default)]
    pub mappings: Mappings,
    /// Other names for the index.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub aliases: Map<String, Value>,
}

/// The fields of an index's documents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mappings {
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub properties: BTreeMap<String, Property>,
    /// `_routing`, `dynamic` and the like: kept and shown.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

/// One field of a mapping.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Property {
    /// `knn_vector`, `text`, `keyword` …; an object has none.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The floats of a `knn_vector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// How a `knn_vector` compares, where `method` does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space_type: Option<String>,
    /// What a `knn_vector` holds; floats where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// The algorithm of a `knn_vector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// A trained model in the place of a method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The fields of an object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
    /// Kept and shown.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The algorithm of a `knn_vector`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// `l2`, `cosinesimil` …; `l2` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space_type: Option<String>,
    /// Name, engine and parameters: kept and shown.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Answer of `PUT /{index}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateIndexResponse {
    /// True.
    pub acknowledged: bool,
    /// True.
    pub shards_acknowledged: bool,
    /// The name.
    pub index: String,
}

/// Answer of `DELETE /{index}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// True.
    pub acknowledged: bool,
}

/// One index in the answer of `GET /{index}`, under its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexObject {
    /// None here.
    pub aliases: Map<String, Value>,
    /// As they came.
    pub mappings: Mappings,
    /// As they came, and what the server adds to them.
    pub settings: Map<String, Value>,
}

/// Answer of `GET /{index}/_mapping`, under the index's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappingObject {
    /// As they came.
    pub mappings: Mappings,
}

/// What an answer says of shards: there is one, and it has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shards {
    /// One.
    pub total: u32,
    /// One.
    pub successful: u32,
    /// Only where searching.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u32>,
    /// None.
    pub failed: u32,
}

impl Shards {
    /// Of a write or a refresh.
    pub const WRITTEN: Self = Self { total: 1, successful: 1, skipped: None, failed: 0 };
    /// Of a search or a count.
    pub const SEARCHED: Self = Self { skipped: Some(0), ..Self::WRITTEN };
}

/// Answer of `/{index}/_refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefreshResponse {
    /// One.
    #[serde(rename = "_shards")]
    pub shards: Shards,
}

/// Answer of `/{index}/_count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountResponse {
    /// Documents that the query finds.
    pub count: u64,
    /// One.
    #[serde(rename = "_shards")]
    pub shards: Shards,
}

/// Answer of `GET /`: who is speaking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InfoResponse {
    /// The server.
    pub name: String,
    /// The same.
    pub cluster_name: String,
    /// What clients look at to decide how to speak.
    pub version: InfoVersion,
    /// What it is in truth.
    pub tagline: String,
}

/// A version in [`InfoResponse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InfoVersion {
    /// `opensearch`.
    pub distribution: String,
    /// The version whose protocol is spoken.
    pub number: String,
}

/// Body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenSearchError)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
    /// The status code once more.
    pub status: u16,
}

/// What the vendor's clients show of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenSearchErrorObject)]
pub struct ErrorObject {
    /// The same once more.
    pub root_cause: Vec<Cause>,
    /// A word for programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong and what helps.
    pub reason: String,
}

/// An error without its causes; also that of one item of a `_bulk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenSearchCause)]
pub struct Cause {
    /// A word for programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong and what helps.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_mapping_is_written_as_it_was_read() {
        let sent = r#"{"settings":{"index":{"knn":true,"knn.algo_param.ef_search":512}},"mappings":{"properties":{"vector_field":{"type":"knn_vector","dimension":8,"method":{"space_type":"l2","engine":"nmslib","name":"hnsw","parameters":{"ef_construction":512,"m":16}}}},"_routing":{"required":true}}}"#;
        let read: CreateIndexRequest = serde_json::from_str(sent).unwrap();
        let method = read.mappings.properties["vector_field"].method.as_ref().unwrap();
        assert_eq!(method.space_type.as_deref(), Some("l2"));
        let written: Value = serde_json::to_value(&read).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(sent).unwrap());
    }

    #[test]
    fn an_error_says_its_status_and_its_cause_twice() {
        let cause = Cause { kind: "index_not_found_exception".to_owned(), reason: "r".to_owned() };
        let body = ErrorBody {
            error: ErrorObject {
                root_cause: vec![cause.clone()],
                kind: cause.kind,
                reason: cause.reason,
            },
            status: 404,
        };
        expect![[r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"r"}],"type":"index_not_found_exception","reason":"r"},"status":404}"#]]
            .assert_eq(&serde_json::to_string(&body).unwrap());
    }
}
