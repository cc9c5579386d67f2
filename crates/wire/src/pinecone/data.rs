//! The data plane: vectors and queries.

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::QueryVector;
use crate::floats::Floats;
use crate::{distinct, object};

/// Body of `POST /vectors/upsert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeUpsertRequest)]
pub struct UpsertRequest {
    /// Any number.
    #[serde(deserialize_with = "object::list")]
    pub vectors: Vec<Vector>,
    /// The default one where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A record of the data plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeVector)]
pub struct Vector {
    /// 1 to 512 bytes.
    pub id: String,
    /// The dense vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Floats>,
    /// The sparse vector.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub sparse_values: Option<SparseValues>,
    /// A flat object.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub metadata: Option<serde_json::Value>,
}

/// A sparse vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeSparseValues)]
pub struct SparseValues {
    /// Terms, each once.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Floats,
}

/// Answer of `POST /vectors/upsert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeUpsertResponse)]
pub struct UpsertResponse {
    /// Records written.
    pub upserted_count: u64,
}

/// Body of `POST /query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeQueryRequest)]
pub struct QueryRequest {
    /// 1 to 10,000.
    // Never absent: it is refused later than by serde, with its spelling, which differs between routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = usize)]
    pub top_k: Option<usize>,
    /// The vector to be near to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<QueryVector>,
    /// The record to be near to, in place of a vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The sparse part.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub sparse_vector: Option<SparseValues>,
    /// The default one where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Which records count.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<serde_json::Value>,
    /// Whether vectors come with the matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_values: Option<bool>,
    /// Whether metadata comes with the matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_metadata: Option<bool>,
    /// Several queries at once, which only 2.x can ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>)]
    pub queries: Option<Vec<serde_json::Value>>,
}

/// Answer of `POST /query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeQueryResponse)]
pub struct QueryResponse {
    /// Empty: answers to the several queries of 2.x.
    #[serde(default)]
    pub results: Vec<ScoredVector>,
    /// Best first.
    pub matches: Vec<ScoredVector>,
    /// As asked.
    #[serde(default)]
    pub namespace: String,
    /// What it took.
    #[serde(default)]
    pub usage: ReadUnits,
}

/// Appends what stands before the matches of a [`QueryResponse`].
pub fn write_query_head(out: &mut BytesMut) {
    out.put_slice(br#"{"results":[],"matches":["#);
}

/// Appends what stands after the matches of a [`QueryResponse`].
pub fn write_query_tail(out: &mut BytesMut, namespace: &str, usage: ReadUnits) {
    out.put_slice(br#"],"namespace":"#);
    let namespace = serde_json::to_vec(namespace).expect("a string is always valid JSON");
    out.put_slice(&namespace);
    out.put_slice(br#","usage":"#);
    let usage = serde_json::to_vec(&usage).expect("a count is always valid JSON");
    out.put_slice(&usage);
    out.put_u8(b'}');
}

/// A record that a query found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeScoredVector)]
pub struct ScoredVector {
    /// Which.
    pub id: String,
    /// How near.
    pub score: f32,
    /// Its vector; empty unless asked for.
    #[serde(default)]
    pub values: Floats,
    /// Its sparse vector, if asked for and there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub sparse_values: Option<SparseValues>,
    /// Its metadata, if asked for and there.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub metadata: Option<serde_json::Value>,
}

/// What a read took, in the vendor's unit of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeReadUnits)]
pub struct ReadUnits {
    /// Always 1.
    pub read_units: u64,
}

/// Answer of `GET /vectors/fetch` and `POST /vectors/fetch_by_metadata`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeFetchResponse)]
pub struct FetchResponse {
    /// Those that are there, by id.
    pub vectors: BTreeMap<String, Vector>,
    /// As asked.
    #[serde(default)]
    pub namespace: String,
    /// What it took.
    #[serde(default)]
    pub usage: ReadUnits,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// Body of `POST /vectors/fetch_by_metadata`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeFetchByMetadataRequest)]
pub struct FetchByMetadataRequest {
    /// Which records.
    #[serde(deserialize_with = "distinct::one")]
    #[schema(value_type = Object)]
    pub filter: serde_json::Value,
    /// The default one where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Records of a page; 100 where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination_token: Option<String>,
}

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconePagination)]
pub struct Pagination {
    /// To send with the next request.
    pub next: String,
}

/// Answer of `GET /vectors/list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeListResponse)]
pub struct ListResponse {
    /// In the order of their bytes.
    pub vectors: Vec<ListItem>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// As asked.
    #[serde(default)]
    pub namespace: String,
    /// What it took.
    #[serde(default)]
    pub usage: ReadUnits,
}

/// A record's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeListItem)]
pub struct ListItem {
    /// The id.
    pub id: String,
}

/// Body of `POST /vectors/update`: of one record by `id`, or of many by `filter`. A field that is
/// misspelt would change other records than those meant, so there are no others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PineconeUpdateRequest)]
pub struct UpdateRequest {
    /// Which record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which records.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<serde_json::Value>,
    /// The new vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Floats>,
    /// The new sparse vector.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub sparse_values: Option<SparseValues>,
    /// Fields to set; others stay.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub set_metadata: Option<serde_json::Value>,
    /// Whether records are only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// The default one where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Answer of `POST /vectors/update`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeUpdateResponse)]
pub struct UpdateResponse {
    /// Records that passed the filter, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_records: Option<u64>,
}

/// Body of `POST /vectors/delete`: one of the three ways to say which records. A field that is misspelt
/// would delete others than those meant, so there are no others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PineconeDeleteRequest)]
pub struct DeleteRequest {
    /// These.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// All of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_all: Option<bool>,
    /// Those that pass.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<serde_json::Value>,
    /// The default one where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Body of `POST /describe_index_stats`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeStatsRequest)]
pub struct StatsRequest {
    /// Which records count.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<serde_json::Value>,
}

/// Answer of `/describe_index_stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeStatsResponse)]
pub struct StatsResponse {
    /// By name.
    pub namespaces: BTreeMap<String, NamespaceSummary>,
    /// Floats of a dense vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// Always 0: the disk is the limit.
    pub index_fullness: u8,
    /// Records of all namespaces.
    pub total_vector_count: u64,
    /// How near two vectors are.
    pub metric: super::Metric,
    /// What a record has.
    pub vector_type: super::VectorType,
}

/// What a client reads of the answer of `/describe_index_stats`, whose other fields come and go with the
/// version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NamespaceCounts {
    /// By name; the default one has the empty name, or `__default__`.
    #[serde(default)]
    pub namespaces: BTreeMap<String, NamespaceSummary>,
}

/// How much a namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PineconeNamespaceSummary)]
pub struct NamespaceSummary {
    /// Its records.
    pub vector_count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_around_the_matches_is_the_response() {
        let usage = ReadUnits { read_units: 1 };
        let mut out = BytesMut::new();
        write_query_head(&mut out);
        write_query_tail(&mut out, "a\"b", usage);
        let namespace = "a\"b".to_owned();
        let expected = QueryResponse { results: vec![], matches: vec![], namespace, usage };
        assert_eq!(out, serde_json::to_vec(&expected).unwrap());
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let json = r#"{"id":"a","values":[0.1,1.0],"sparseValues":{"indices":[3],"values":[0.5]},"metadata":{"n":1}}"#;
        let vector: Vector = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&vector).unwrap(), json);
    }
}
