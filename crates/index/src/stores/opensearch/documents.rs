//! Records as documents, documents as records, and scores as ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use wire::opensearch::bulk::{Action, Outcome, Target};
use wire::opensearch::client as body;
use wire::opensearch::search::{Ids, OneOrMany, QueryClause, SourceFields};
use wire::opensearch::{CreateIndexRequest, Mappings, Method, Property};

use super::condition::{every, in_namespace, numbers, terms};
use super::{NAME, OpenSearchConfig};
use crate::error::StoreError;
use crate::metadata::Metadata;
use crate::query::{Include, Match, Precision};
use crate::record::{Namespace, Record};
use crate::spec::{IndexSpec, Metric};

pub(super) const NAMESPACE: &str = "namespace";
pub(super) const ID: &str = "id";
pub(super) const VECTOR: &str = "vector";
pub(super) const TERMS: &str = "terms";
pub(super) const NUMBERS: &str = "numbers";
const METADATA: &str = "metadata";
/// Where the notes of a mapping have the spec.
const SPEC: &str = "sembla_spec";
/// Fields that an index may have, of which each name of a number takes one; 1,000 unless it is told.
const MAX_FIELDS: u32 = 10_000;

/// A record as OpenSearch keeps it. Answers have what was asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    namespace: String,
    id: String,
    vector: Vec<f32>,
    terms: Vec<String>,
    numbers: BTreeMap<String, f64>,
    metadata: Metadata,
}

/// The id alone of a document.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Id {
    pub(super) id: String,
}

impl Document {
    fn of(namespace: &Namespace, record: &Record) -> Self {
        Self {
            namespace: namespace.as_str().to_owned(),
            id: record.id.clone(),
            vector: record.values.clone(),
            terms: terms(&record.metadata),
            numbers: numbers(&record.metadata),
            metadata: record.metadata.clone(),
        }
    }

    pub(super) fn into_record(self) -> Record {
        Record { id: self.id, values: self.vector, sparse: None, metadata: self.metadata }
    }
}

/// Settings and mapping of a new index.
pub(super) fn mapping(spec: &IndexSpec, config: &OpenSearchConfig) -> CreateIndexRequest {
    let mut settings = json!({"knn": true, "mapping.total_fields.limit": MAX_FIELDS});
    if let Some(num_shards) = config.num_shards {
        settings["number_of_shards"] = json!(num_shards);
    }
    if let Some(num_replicas) = config.num_replicas {
        settings["number_of_replicas"] = json!(num_replicas);
    }
    let keyword = || property("keyword", json!({}));
    let properties = [
        (NAMESPACE, keyword()),
        (ID, keyword()),
        (TERMS, keyword()),
        (VECTOR, vector(spec)),
        (NUMBERS, property("object", json!({"dynamic": "true"}))),
        // Kept, and not looked into.
        (METADATA, property("object", json!({"enabled": false}))),
    ];
    let properties = properties.into_iter().map(|(name, property)| (name.to_owned(), property));
    let each_number = json!({"path_match": format!("{NUMBERS}.*"), "mapping": {"type": "double"}});
    let rest = json!({
        "_meta": notes(spec), "dynamic": "strict", "dynamic_templates": [{"numbers": each_number}],
    });
    CreateIndexRequest {
        settings: object(json!({ "index": settings })),
        mappings: Mappings { properties: properties.collect(), rest: object(rest) },
        aliases: Map::new(),
    }
}

fn vector(spec: &IndexSpec) -> Property {
    let space_type = Some(space(spec.metric).to_owned());
    // The engine that filters while it searches, under each of our metrics.
    let rest = object(json!({"name": "hnsw", "engine": "lucene"}));
    let dimension = Some(spec.dimensions);
    let method = Some(Method { space_type, rest });
    Property { dimension, method, ..property("knn_vector", json!({})) }
}

fn property(kind: &str, rest: Json) -> Property {
    Property { kind: Some(kind.to_owned()), rest: object(rest), ..Property::default() }
}

fn object(json: Json) -> Map<String, Json> {
    if let Json::Object(object) = json { object } else { Map::new() }
}

pub(super) fn space(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "cosinesimil",
        Metric::DotProduct => "innerproduct",
        Metric::Euclidean => "l2",
    }
}

pub(super) fn notes(spec: &IndexSpec) -> Map<String, Json> {
    object(json!({ SPEC: spec }))
}

pub(super) fn spec_of(name: &str, found: body::FoundMapping) -> Result<IndexSpec, StoreError> {
    let spec = found.mappings.meta.and_then(|mut notes| notes.remove(SPEC));
    spec.and_then(|spec| serde_json::from_value(spec).ok()).ok_or_else(|| {
        let message = format!("index `{name}` without the spec of ours in its mapping");
        StoreError::Refused { store: NAME, status: 200, message }
    })
}

/// Returns whether the cluster said that there is an index of this name, for which it has no status of its own.
pub(super) fn is_taken(err: &StoreError) -> bool {
    let word = "resource_already_exists_exception";
    matches!(err, StoreError::Refused { status: 400, message, .. } if message.contains(word))
}

/// The id of a document, which has 512 bytes at most: ids and namespaces may each have as many.
pub(super) fn hash(namespace: &Namespace, id: &str) -> String {
    let hash = Sha256::digest(format!("{}\0{id}", namespace.as_str()));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of a bulk write.
pub(super) fn lines(namespace: &Namespace, records: &[Record]) -> Vec<u8> {
    let mut lines = Vec::new();
    for record in records {
        let id = Some(hash(namespace, &record.id));
        push_line(&mut lines, &Action::Index(Target { id, ..Target::default() }));
        push_line(&mut lines, &Document::of(namespace, record));
    }
    lines
}

/// The lines of actions that have no document.
pub(super) fn action_lines(actions: impl Iterator<Item = Action>) -> Vec<u8> {
    let mut lines = Vec::new();
    actions.for_each(|action| push_line(&mut lines, &action));
    lines
}

fn push_line(lines: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *lines, line).expect("lines have string keys and finite numbers");
    lines.push(b'\n');
}

/// Names the records of a piece that were not written, and one reason: one that may pass, if there is one.
pub(super) fn check(piece: &[Record], outcomes: Vec<Outcome>) -> Result<(), StoreError> {
    let mut failed_ids = Vec::new();
    let mut why: Option<StoreError> = None;
    for (record, outcome) in piece.iter().zip(outcomes) {
        let Some(error) = outcome.error else { continue };
        failed_ids.push(record.id.clone());
        if why.as_ref().is_none_or(|why| !why.is_retryable()) {
            let message = format!("{}: {}", error.kind, error.reason);
            why = Some(StoreError::Refused { store: NAME, status: outcome.status, message });
        }
    }
    match why {
        None => Ok(()),
        Some(why) => {
            Err(StoreError::Partial { failed_ids, num_records: piece.len(), source: Box::new(why) })
        }
    }
}

/// A search for the documents of these ids, whole.
pub(super) fn by_ids(namespace: &Namespace, ids: &[String]) -> body::SearchBody {
    let values = ids.iter().map(|id| hash(namespace, id)).collect();
    body::SearchBody {
        query: every(vec![in_namespace(namespace), QueryClause::Ids(Ids { values })]),
        size: ids.len(),
        sort: Vec::new(),
        source: fields(Include { values: true, metadata: true }),
        aggs: BTreeMap::new(),
        track_total_hits: false,
    }
}

/// What of a document comes with its hit.
pub(super) fn fields(include: Include) -> SourceFields {
    let mut fields = vec![ID.to_owned()];
    fields.extend(include.values.then(|| VECTOR.to_owned()));
    fields.extend(include.metadata.then(|| METADATA.to_owned()));
    SourceFields { includes: OneOrMany(fields), excludes: OneOrMany::default() }
}

pub(super) fn matched(
    hit: body::FoundHit<Document>,
    metric: Metric,
    precision: Precision,
) -> Result<Match, StoreError> {
    let score = hit.score.ok_or_else(|| {
        let message = "a hit without its score".to_owned();
        StoreError::Refused { store: NAME, status: 200, message }
    })?;
    let record = hit.source.into_record();
    Ok(Match {
        id: record.id,
        score: ours(score, metric, precision),
        values: record.values,
        sparse: None,
        metadata: record.metadata,
        stages: Vec::new(),
    })
}

/// Undoes what OpenSearch does to make each score positive and larger for closer ones.
///
/// # Source
///
/// OpenSearch documentation, "Spaces" of the field type `knn_vector`, and "Exact k-NN with scoring script",
/// whose cosine differs from the approximate one.
fn ours(score: f32, metric: Metric, precision: Precision) -> f32 {
    match (metric, precision) {
        (Metric::Cosine, Precision::Auto) => 2.0 * score - 1.0,
        (Metric::Cosine, Precision::Exact) => score - 1.0,
        (Metric::DotProduct, _) if score >= 1.0 => score - 1.0,
        (Metric::DotProduct, _) => 1.0 - 1.0 / score,
        (Metric::Euclidean, _) => 1.0 / score - 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_come_back() {
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        for cosine in [-1.0, -0.25, 0.0, 0.7, 1.0_f32] {
            near(ours((1.0 + cosine) / 2.0, Metric::Cosine, Precision::Auto), cosine);
            near(ours(1.0 + cosine, Metric::Cosine, Precision::Exact), cosine);
        }
        for dot in [-7.5, -0.5, 0.0, 0.5, 7.5_f32] {
            let theirs = if dot >= 0.0 { dot + 1.0 } else { 1.0 / (1.0 - dot) };
            near(ours(theirs, Metric::DotProduct, Precision::Auto), dot);
        }
        near(ours(1.0 / (1.0 + 6.25), Metric::Euclidean, Precision::Exact), 6.25);
    }

    #[test]
    fn of_several_reasons_the_one_that_may_pass_counts() {
        let piece: Vec<Record> =
            ["a", "b", "c"].map(|id| Record { id: id.to_owned(), ..Record::default() }).into();
        let outcome = |status: u16| Outcome {
            index: "i".to_owned(),
            id: None,
            written: None,
            status,
            error: (status >= 300)
                .then(|| wire::opensearch::Cause { kind: "k".to_owned(), reason: "r".to_owned() }),
        };
        let checked = check(&piece, vec![outcome(400), outcome(201), outcome(429)]);
        let Err(err @ StoreError::Partial { .. }) = checked else { panic!("{checked:?}") };
        assert!(err.is_retryable());
        let StoreError::Partial { failed_ids, .. } = err else { unreachable!() };
        assert_eq!(failed_ids, ["a", "c"]);
        assert!(check(&piece, vec![outcome(200), outcome(201), outcome(201)]).is_ok());
    }
}
