//! Our own dialect of indexes: wire → plain requests to the store, and back.

pub(super) mod errors;

use std::collections::{BTreeMap, HashSet};

use index::{
    Filter, Fingerprint, Fusion, Include, IndexChange, IndexDescription, IndexName, IndexSpec,
    Match, Metadata, Metric, Precision, Protection, Query, QueryResult, Record, Selection,
    SparseVector, SparseWeights, Update, VectorKind,
};
use jobs::{Parts, RESERVED_TAGS, TEXT_FIELD_TAG, TextQuery};
use serde_json::Value;
use wire::indexes as wire;

pub(crate) use self::errors::{error_body, status};
pub(crate) use super::bad_field;
use super::check_score;
use crate::error::HttpError;

/// The most ids of one fetch: each may have a vector of many floats, and all are held at once.
pub const MAX_FETCHED: usize = 1_000;
/// Matches of a query that does not say how many.
const DEFAULT_TOP_K: usize = 10;

/// Returns the name in a path or a body.
pub(crate) fn index_name(name: String) -> Result<IndexName, HttpError> {
    Ok(IndexName::try_from(name)?)
}

/// Translates what is asked of a new index, whose model is `fingerprint`.
pub(crate) fn spec(
    request: wire::CreateIndex,
    fingerprint: Option<Fingerprint>,
) -> Result<IndexSpec, HttpError> {
    let kind = match request.kind {
        wire::Kind::Dense => VectorKind::Dense,
        wire::Kind::Sparse => VectorKind::Sparse,
    };
    let of_model = fingerprint.as_ref().map(|fingerprint| fingerprint.dimensions);
    let dimensions = match (request.dimensions.or(of_model), kind) {
        (Some(dimensions), _) => dimensions,
        (None, VectorKind::Sparse) => 0,
        (None, VectorKind::Dense) => {
            return Err(bad_field(
                "dimensions",
                "an index needs dimensions, or a model to take them from",
            ));
        }
    };
    let tags = tags(request.tags, request.text_field)?;
    Ok(IndexSpec {
        name: index_name(request.name)?,
        dimensions,
        metric: metric_from(request.metric),
        kind,
        sparse_weights: if request.hybrid {
            SparseWeights::InverseDocumentFrequency
        } else {
            SparseWeights::AsSent
        },
        protection: protection(request.protected),
        tags,
        fingerprint,
    })
}

/// Translates a change of an index, to whose model `fingerprint` is bound.
pub(crate) fn change(
    request: wire::ChangeIndex,
    fingerprint: Option<Fingerprint>,
) -> Result<IndexChange, HttpError> {
    let tags = tags(request.tags, request.text_field)?;
    Ok(IndexChange { protection: request.protected.map(protection), tags, fingerprint })
}

/// Takes the caller's tags, and keeps the field of texts among them.
fn tags(
    mut own: BTreeMap<String, String>,
    text_field: Option<String>,
) -> Result<BTreeMap<String, String>, HttpError> {
    if let Some(tag) = own.keys().find(|tag| tag.starts_with(RESERVED_TAGS)) {
        let message = format!("`{tag}`: names that begin with `{RESERVED_TAGS}` are the server's");
        return Err(bad_field("tags", &message));
    }
    own.extend(text_field.map(|field| (TEXT_FIELD_TAG.to_owned(), field)));
    Ok(own)
}

fn protection(protected: bool) -> Protection {
    if protected { Protection::Enabled } else { Protection::Disabled }
}

fn metric_from(metric: wire::Metric) -> Metric {
    match metric {
        wire::Metric::Cosine => Metric::Cosine,
        wire::Metric::DotProduct => Metric::DotProduct,
        wire::Metric::Euclidean => Metric::Euclidean,
    }
}

/// Describes an index.
pub fn index(description: IndexDescription) -> wire::Index {
    let IndexDescription { spec, num_records } = description;
    wire::Index {
        name: spec.name.into(),
        dimensions: spec.dimensions,
        metric: match spec.metric {
            Metric::Cosine => wire::Metric::Cosine,
            Metric::DotProduct => wire::Metric::DotProduct,
            Metric::Euclidean => wire::Metric::Euclidean,
        },
        kind: match spec.kind {
            VectorKind::Dense => wire::Kind::Dense,
            VectorKind::Sparse => wire::Kind::Sparse,
        },
        hybrid: spec.sparse_weights == SparseWeights::InverseDocumentFrequency,
        protected: spec.protection == Protection::Enabled,
        num_records,
        tags: spec.tags,
        fingerprint: spec.fingerprint.map(fingerprint),
    }
}

/// Describes a fingerprint.
pub fn fingerprint(from: Fingerprint) -> wire::Fingerprint {
    wire::Fingerprint {
        model: from.model,
        weight_hash: from.weight_hash,
        pooling: from.pooling,
        normalized: from.normalized,
        document_prompt: from.document_prompt,
        query_prompt: from.query_prompt,
        dimensions: from.dimensions,
    }
}

/// Takes a fingerprint as sent.
pub(crate) fn fingerprint_from(from: wire::Fingerprint) -> Fingerprint {
    Fingerprint {
        model: from.model,
        weight_hash: from.weight_hash,
        pooling: from.pooling,
        normalized: from.normalized,
        document_prompt: from.document_prompt,
        query_prompt: from.query_prompt,
        dimensions: from.dimensions,
    }
}

/// Takes a record as sent, without its text.
pub(crate) fn record_from(record: wire::Record) -> Result<Record, HttpError> {
    let place = |field| format!("record `{}`: {field}", record.id);
    let metadata = metadata("metadata", record.metadata, &place)?;
    let (id, values) = (record.id, record.values);
    Ok(Record { id, values, sparse: record.sparse.map(sparse_from), metadata })
}

/// Takes a change of a record as sent.
pub(crate) fn update(request: wire::UpdateRecord) -> Result<Update, HttpError> {
    let place = |field| format!("record `{}`: {field}", request.id);
    let set_metadata = metadata("set_metadata", request.set_metadata, &place)?;
    let sparse = request.sparse.map(sparse_from);
    Ok(Update { id: request.id, values: request.values, sparse, set_metadata })
}

fn metadata(
    name: &'static str,
    fields: BTreeMap<String, Value>,
    place: &dyn Fn(String) -> String,
) -> Result<Metadata, HttpError> {
    let json = Value::Object(fields.into_iter().collect());
    index::metadata_from_json(&json).map_err(|err| bad_field(name, &place(err.to_string())))
}

/// Describes a record.
pub fn record(record: Record) -> wire::Record {
    wire::Record {
        id: record.id,
        values: record.values,
        text: None,
        sparse: record.sparse.map(sparse),
        metadata: json_of(record.metadata),
    }
}

fn json_of(metadata: Metadata) -> BTreeMap<String, Value> {
    metadata.into_iter().map(|(field, it)| (field, jobs::value_to_json(&it))).collect()
}

/// Describes a sparse vector.
pub fn sparse(from: SparseVector) -> wire::Sparse {
    wire::Sparse { indices: from.indices, values: from.values }
}

/// Takes a sparse vector as sent, in any order.
pub(crate) fn sparse_from(from: wire::Sparse) -> SparseVector {
    let (num_indices, num_values) = (from.indices.len(), from.values.len());
    if num_indices != num_values {
        // The checks above every store refuse this one, with the remedy.
        return SparseVector { indices: from.indices, values: from.values };
    }
    SparseVector::sorted(from.indices, from.values)
}

/// Takes a filter as sent.
pub(crate) fn filter(json: &Value) -> Result<Filter, HttpError> {
    Filter::from_json(json).map_err(|err| bad_field("filter", &err.to_string()))
}

/// Takes the ids of records to fetch, each once.
pub(crate) fn ids_to_fetch(mut ids: Vec<String>) -> Result<Vec<String>, HttpError> {
    let num_ids = ids.len();
    if !(1..=MAX_FETCHED).contains(&num_ids) {
        let remedy = if num_ids == 0 { "" } else { "; fetch in several requests" };
        let message = format!("a fetch takes 1 to {MAX_FETCHED} ids, not {num_ids}{remedy}");
        return Err(bad_field("ids", &message));
    }
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    Ok(ids)
}

/// Takes one of three ways to say which records are deleted.
pub(crate) fn selection(request: wire::DeleteRecords) -> Result<Selection, HttpError> {
    match (request.ids, request.filter, request.all) {
        (Some(ids), None, false) => Ok(Selection::Ids(ids)),
        (None, Some(Value::Object(conditions)), false) if conditions.is_empty() => {
            let message = "an empty filter chooses every record; to delete all, send \"all\": true";
            Err(bad_field("filter", message))
        }
        (None, Some(json), false) => Ok(Selection::Filter(filter(&json)?)),
        (None, None, true) => Ok(Selection::All),
        _ => Err(bad_field("ids", "say which records with one of ids, filter and \"all\": true")),
    }
}

/// Translates what a text search wants beside its text.
pub(crate) fn text_search(request: &wire::Search) -> Result<TextQuery, HttpError> {
    Ok(TextQuery {
        top_k: request.top_k.unwrap_or(DEFAULT_TOP_K),
        filter: request.filter.as_ref().map(filter).transpose()?,
        precision: precision(request.exact),
        parts: match request.hybrid {
            None => Parts::All,
            Some(true) => Parts::Hybrid,
            Some(false) => Parts::Dense,
        },
    })
}

/// Translates a search by vector.
pub(crate) fn vector_search(request: wire::Search) -> Result<Query, HttpError> {
    Ok(Query {
        top_k: request.top_k.unwrap_or(DEFAULT_TOP_K),
        filter: request.filter.as_ref().map(filter).transpose()?,
        precision: precision(request.exact),
        include: include(&request),
        fusion: if request.hybrid == Some(true) && request.sparse.is_some() {
            Fusion::ReciprocalRank
        } else {
            Fusion::Sum
        },
        vector: request.vector.unwrap_or_default(),
        sparse: request.sparse.map(sparse_from),
    })
}

/// Translates what comes with each hit.
pub(crate) fn include(request: &wire::Search) -> Include {
    Include { values: request.include_values, metadata: request.include_metadata }
}

fn precision(exact: bool) -> Precision {
    if exact { Precision::Exact } else { Precision::Auto }
}

/// Describes what a search found, with the way there if it is wanted.
pub(crate) fn answer(result: QueryResult, explain: bool) -> Result<wire::SearchAnswer, HttpError> {
    let stages = result.explain.stages.into_iter().map(|stage| wire::Stage {
        name: stage.name.to_owned(),
        num_candidates: stage.num_candidates,
        exact: stage.is_exact,
        took_ms: stage.took.as_secs_f64() * 1e3,
    });
    let hits = result.matches.into_iter().map(|found| hit(found, explain));
    Ok(wire::SearchAnswer {
        lsn: result.lsn,
        explain: explain.then(|| stages.collect()),
        hits: hits.collect::<Result<_, _>>()?,
    })
}

fn hit(found: Match, explain: bool) -> Result<wire::Hit, HttpError> {
    let stages = found.stages.into_iter().filter(|_| explain).map(|stage| {
        Ok(wire::StageScore {
            stage: stage.stage.to_owned(),
            score: score(&found.id, stage.score)?,
            rank: stage.rank,
        })
    });
    Ok(wire::Hit {
        stages: stages.collect::<Result<_, HttpError>>()?,
        score: score(&found.id, found.score)?,
        id: found.id,
        values: found.values,
        sparse: found.sparse.map(sparse),
        metadata: json_of(found.metadata),
    })
}

/// Takes a score that is a number that JSON has.
fn score(id: &str, score: f32) -> Result<f32, HttpError> {
    check_score(id, score).map(|()| score)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use index::StageScore;
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    fn create(json: Value) -> Result<IndexSpec, HttpError> {
        spec(serde_json::from_value(json).unwrap(), None)
    }

    #[test]
    fn an_index_needs_dimensions_or_a_model() {
        expect!["`dimensions`: an index needs dimensions, or a model to take them from"]
            .assert_eq(&create(json!({"name": "a"})).unwrap_err().message);
        assert_eq!(create(json!({"name": "a", "kind": "sparse"})).unwrap().dimensions, 0);
        let of_model: Fingerprint = serde_json::from_value(json!({
            "model": "m", "weight_hash": "h", "pooling": "cls", "normalized": true,
            "document_prompt": "", "query_prompt": "", "dimensions": 7
        }))
        .unwrap();
        let request = serde_json::from_value(json!({"name": "a", "text_field": "t"})).unwrap();
        let spec = spec(request, Some(of_model)).unwrap();
        assert_eq!((spec.dimensions, spec.tags[TEXT_FIELD_TAG].as_str()), (7, "t"));
    }

    #[test]
    fn records_to_delete_are_named_in_one_way() {
        let select = |json| selection(serde_json::from_value(json).unwrap());
        assert_eq!(select(json!({"all": true})).unwrap(), Selection::All);
        assert!(matches!(select(json!({"filter": {"a": 1}})).unwrap(), Selection::Filter(_)));
        expect![[
            r#"`filter`: an empty filter chooses every record; to delete all, send "all": true"#
        ]]
        .assert_eq(&select(json!({"filter": {}})).unwrap_err().message);
        for wrong in [json!({}), json!({"all": true, "ids": ["a"]}), json!({"all": false})] {
            assert_eq!(select(wrong).unwrap_err().kind, ErrorKind::BadField);
        }
    }

    #[test]
    fn unknown_filters_and_metadata_name_the_field() {
        let refused = filter(&json!({"a": {"$regex": "x"}})).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("filter"));
        assert!(refused.message.contains("$regex"), "{}", refused.message);
        let record = serde_json::from_value(json!({"id": "7", "metadata": {"a": null}})).unwrap();
        let refused = record_from(record).unwrap_err();
        assert!(refused.message.starts_with("`metadata`: record `7`: "), "{}", refused.message);
    }

    #[test]
    fn a_score_that_json_has_no_number_for_is_refused() {
        let found = |score, of_stage| {
            let stage = StageScore { stage: "dense", score: of_stage, rank: 1 };
            let found = Match {
                id: "a".to_owned(),
                score,
                values: Vec::new(),
                sparse: None,
                metadata: Metadata::new(),
                stages: vec![stage],
            };
            QueryResult { matches: vec![found], ..QueryResult::default() }
        };
        expect!["the score of record `a` is inf: its vector and the query are too long for 32-bit floats; scale them down"]
            .assert_eq(&answer(found(f32::INFINITY, 1.0), false).unwrap_err().message);
        assert!(answer(found(1.0, f32::NAN), true).is_err());
        // What is not answered may be anything.
        assert!(answer(found(1.0, f32::NAN), false).is_ok());
    }
}
