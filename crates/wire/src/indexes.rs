//! Our own dialect of indexes: `/v1/indexes…`.
//!
//! Unknown fields are refused in requests, so that a misspelt one is not passed over in silence; so are
//! keys that come twice, and lists in the place of objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{distinct, object, word};

/// Body of `POST /v1/indexes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIndex {
    /// Lower-case letters, digits and `-`, 1 to 45 of them.
    pub name: String,
    /// Floats of a vector; those of the model where one is given. 0 in an index of sparse vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// `cosine` where this is absent.
    #[serde(default, deserialize_with = "word::one")]
    pub metric: Metric,
    /// `dense` where this is absent.
    #[serde(default, deserialize_with = "word::one")]
    pub kind: Kind,
    /// A served model, which texts are then embedded with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// In place of a model: what is known of the one that vectors will be of.
    #[serde(default, deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The metadata field that holds each record's text; `text` where this is absent and a model is
    /// named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_field: Option<String>,
    /// Whether the words of texts are kept beside their vectors.
    #[serde(default)]
    pub hybrid: bool,
    /// Whether it may not be deleted.
    #[serde(default)]
    pub protected: bool,
    /// Notes of the caller.
    #[serde(
        default,
        deserialize_with = "distinct::one",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub tags: BTreeMap<String, String>,
}

/// How near two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The cosine of their angle.
    #[default]
    Cosine,
    /// Their dot product.
    DotProduct,
    /// The square of their distance; a smaller score is closer.
    Euclidean,
}

/// What a record must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A dense vector.
    #[default]
    Dense,
    /// A sparse vector alone.
    Sparse,
}

/// Which model vectors came from, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// What to call the model, and where to find it.
    pub model: String,
    /// SHA-256 of the weights, hex.
    pub weight_hash: String,
    /// `mean`, `cls` …; several are joined by `+`.
    pub pooling: String,
    /// Whether vectors have length 1.
    pub normalized: bool,
    /// What stands before each document.
    pub document_prompt: String,
    /// What stands before each query.
    pub query_prompt: String,
    /// Floats of a vector.
    pub dimensions: usize,
}

/// One index, as answers describe it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Index {
    /// Unique on its server.
    pub name: String,
    /// Floats of a vector; 0 in an index of sparse vectors.
    pub dimensions: usize,
    /// How near two vectors are.
    pub metric: Metric,
    /// What a record must have.
    pub kind: Kind,
    /// Whether the words of texts are kept beside their vectors.
    pub hybrid: bool,
    /// Whether it may not be deleted.
    pub protected: bool,
    /// All records.
    pub num_records: u64,
    /// The caller's notes.
    pub tags: BTreeMap<String, String>,
    /// The model that texts are embedded with; null until one is bound.
    pub fingerprint: Option<Fingerprint>,
}

/// Answer of `GET /v1/indexes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IndexList {
    /// By name.
    pub indexes: Vec<Index>,
}

/// Body of `PATCH /v1/indexes/{name}`. What is absent stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIndex {
    /// Whether it may not be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// Tags to set; one with an empty value is removed.
    #[serde(
        default,
        deserialize_with = "distinct::one",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub tags: BTreeMap<String, String>,
    /// The metadata field that holds each record's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_field: Option<String>,
    /// A served model to bind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// In place of a model: what is known of the one to bind.
    #[serde(default, deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Whether the model takes the place of another that is bound.
    #[serde(default)]
    pub force: bool,
}

/// Some terms with weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// Terms, each once.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Vec<f32>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// 1 to 512 bytes, unique in its namespace.
    pub id: String,
    /// The vector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f32>,
    /// In place of a vector: a text, which is embedded and kept as metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The sparse vector.
    #[serde(default, deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub sparse: Option<Sparse>,
    /// What filters look at: strings, numbers, booleans and lists of strings.
    #[serde(default, deserialize_with = "distinct::one")]
    #[schema(value_type = Object)]
    pub metadata: BTreeMap<String, Value>,
}

/// Body of `POST /v1/indexes/{name}/records`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsert {
    /// The default one where this is absent.
    #[serde(default)]
    pub namespace: String,
    /// Records with the id of one that is there take its place.
    #[serde(deserialize_with = "object::list")]
    pub records: Vec<Record>,
}

/// Body of `PATCH /v1/indexes/{name}/records`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRecord {
    /// The default one where this is absent.
    #[serde(default)]
    pub namespace: String,
    /// Which record.
    pub id: String,
    /// The new vector, if it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f32>>,
    /// The new sparse vector, if it changes.
    #[serde(default, deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub sparse: Option<Sparse>,
    /// Fields to set; others stay.
    #[serde(default, deserialize_with = "distinct::one")]
    #[schema(value_type = Object)]
    pub set_metadata: BTreeMap<String, Value>,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// Records written, changed or deleted.
    pub num_records: u64,
    /// The number of the write, ascending within an index; 0 where the store has none.
    pub lsn: u64,
}

/// Some ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ids {
    /// In the order of their bytes, or as found.
    pub ids: Vec<String>,
    /// The last of them if more follow: `after` of the next page.
    #[serde(default)]
    pub next: Option<String>,
}

/// Body of `POST /v1/indexes/{name}/fetch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// The default one where this is absent.
    #[serde(default)]
    pub namespace: String,
    /// Which records.
    pub ids: Vec<String>,
}

/// Answer of `POST /v1/indexes/{name}/fetch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Records {
    /// Those that are there, in the order asked.
    pub records: Vec<Record>,
}

/// Body of `POST /v1/indexes/{name}/find`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The default one where this is absent.
    #[serde(default)]
    pub namespace: String,
    /// Which records.
    #[serde(deserialize_with = "distinct::one")]
    #[schema(value_type = Object)]
    pub filter: Value,
    /// The most ids.
    pub limit: usize,
}

/// Body of `POST /v1/indexes/{name}/delete`: `ids`, `filter` or `all`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteRecords {
    /// The default one where this is absent.
    #[serde(default)]
    pub namespace: String,
    /// These; ids that are not there are no error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Those whose metadata passes.
    #[serde(
        default,
        deserialize_with = "distinct::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<Value>,
    /// The whole namespace.
    #[serde(default)]
    pub all: bool,
}

/// Body of `POST /v1/indexes/{name}/search`: `text` or `vector`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The default one where this is absent.
    #[serde(default)]
    pub namespace: String,
    /// What to look for; embedded with the model and the prompt of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The served model to embed the text with; that of the index where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether `model` may be another than the index was built with.
    #[serde(default)]
    pub force: bool,
    /// In place of a text: its vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// Beside a vector, or alone in an index of sparse vectors.
    #[serde(default, deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub sparse: Option<Sparse>,
    /// The most hits, 1 to 10,000; 10 where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// Which records count: `{"lang": "en", "year": {"$gte": 2020}}`.
    #[serde(
        default,
        deserialize_with = "distinct::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<Value>,
    /// Whether every record is compared in full precision.
    #[serde(default)]
    pub exact: bool,
    /// Whether words count beside meaning. With a text, as the index is where this is absent; with a
    /// vector, whether its sparse part is fused by rank rather than added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid: Option<bool>,
    /// Whether hits come with their vectors.
    #[serde(default)]
    pub include_values: bool,
    /// Whether hits come with their metadata.
    #[serde(default = "yes")]
    pub include_metadata: bool,
    /// Whether the answer says how it was found.
    #[serde(default)]
    pub explain: bool,
}

fn yes() -> bool {
    true
}

/// Answer of `POST /v1/indexes/{name}/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchAnswer {
    /// Best first.
    pub hits: Vec<Hit>,
    /// The number of the last write that was seen; 0 where the store has none.
    pub lsn: u64,
    /// Step by step, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Vec<Stage>>,
}

/// One record found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// Which record.
    pub id: String,
    /// How near, in the index's metric or, of a hybrid query, the fused score.
    pub score: f32,
    /// Its vector, if asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f32>,
    /// Its sparse vector, if asked for and there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse: Option<Sparse>,
    /// Its metadata.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: BTreeMap<String, Value>,
    /// What each part of a hybrid query gave it, if asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageScore>,
}

/// What one part of a hybrid query gave to a hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StageScore {
    /// `dense` or `sparse`.
    pub stage: String,
    /// In that part's own measure.
    pub score: f32,
    /// From 1.
    pub rank: usize,
}

/// One step of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    /// `filter`, `one-bit`, `int8`, `f32`, `sparse`, `fusion`.
    pub name: String,
    /// Records that were looked at.
    pub num_candidates: u64,
    /// Whether it could not have missed.
    pub exact: bool,
    /// How long it took.
    pub took_ms: f64,
}

/// Body of `POST /v1/indexes/{name}/stats`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountRecords {
    /// Which records; all where this is absent.
    #[serde(
        default,
        deserialize_with = "distinct::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Object)]
    pub filter: Option<Value>,
}

/// Answer of `POST /v1/indexes/{name}/stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// Of all namespaces.
    pub num_records: u64,
    /// By name.
    pub namespaces: Vec<NamespaceStats>,
    /// The number of the last write that was seen; 0 where the store has none.
    pub lsn: u64,
}

/// How much a namespace holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamespaceStats {
    /// Empty for the default one.
    pub namespace: String,
    /// Its records.
    pub num_records: u64,
}

/// Answer of `GET /v1/indexes/{name}/recall`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Recall {
    /// Queries, each a stored vector.
    pub num_queries: usize,
    /// Matches of each.
    pub top_k: usize,
    /// The part of the exact matches that the live index found, from 0 to 1.
    pub recall: f64,
    /// The median time of a query as the live index answers it.
    pub p50_ms: f64,
    /// The median time of an exact query.
    pub exact_p50_ms: f64,
}

/// Body of `POST /v1/indexes/{name}/snapshot` and `…/restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFolder {
    /// The folder of the snapshot, on the machine of the server.
    pub path: String,
}

/// Answer of `POST /v1/indexes/{name}/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    /// Records that were read.
    pub num_records: u64,
    /// Blocks of vectors whose checksums were computed.
    pub num_blocks: u64,
    /// What is wrong; nothing in a good index.
    pub problems: Vec<String>,
}

/// What an answer without content says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Done {}

/// Body of an answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SemblaError)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorObject,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SemblaErrorObject)]
pub struct ErrorObject {
    /// For programs.
    pub code: String,
    /// For people: what is wrong, the limit and the remedy.
    pub message: String,
    /// The field at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Under which the log says more.
    pub request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_nobody_knows_is_refused_and_named() {
        let refused = serde_json::from_str::<Search>(r#"{"text":"a","topk":5}"#).unwrap_err();
        assert!(refused.to_string().starts_with("unknown field `topk`"), "{refused}");
        let refused = serde_json::from_str::<CreateIndex>(r#"{"name":"a","dim":5}"#).unwrap_err();
        assert!(refused.to_string().starts_with("unknown field `dim`"), "{refused}");
    }

    #[test]
    fn what_is_absent_has_its_default() {
        let created: CreateIndex = serde_json::from_str(r#"{"name":"a"}"#).unwrap();
        assert_eq!((created.metric, created.kind), (Metric::Cosine, Kind::Dense));
        let search: Search = serde_json::from_str(r#"{"text":"a"}"#).unwrap();
        assert!(search.include_metadata && !search.include_values && !search.exact);
        assert_eq!(search.hybrid, None);
    }
}
