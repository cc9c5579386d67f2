//! Our own dialect of indexes: wire → plain requests to the store, and back.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use index::{
    Filter, Fingerprint, Fusion, Include, IndexChange, IndexDescription, IndexName, IndexSpec,
    Match, Metadata, Metric, Precision, Protection, Query, QueryResult, Record, Selection,
    SparseVector, SparseWeights, Update, VectorKind,
};
use jobs::{Parts, TEXT_FIELD_TAG, TextQuery};
use serde_json::Value;
use wire::indexes as wire;

use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

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
    let mut tags = request.tags;
    tags.extend(request.text_field.map(|field| (TEXT_FIELD_TAG.to_owned(), field)));
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
pub(crate) fn change(request: &wire::ChangeIndex, fingerprint: Option<Fingerprint>) -> IndexChange {
    IndexChange {
        protection: request.protected.map(protection),
        tags: request.tags.clone(),
        fingerprint,
    }
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
    let metadata = metadata(record.metadata, &place)?;
    let (id, values) = (record.id, record.values);
    Ok(Record { id, values, sparse: record.sparse.map(sparse_from), metadata })
}

/// Takes a change of a record as sent.
pub(crate) fn update(request: wire::UpdateRecord) -> Result<Update, HttpError> {
    let place = |field| format!("record `{}`: {field}", request.id);
    let set_metadata = metadata(request.set_metadata, &place)?;
    let sparse = request.sparse.map(sparse_from);
    Ok(Update { id: request.id, values: request.values, sparse, set_metadata })
}

fn metadata(
    fields: BTreeMap<String, Value>,
    place: &dyn Fn(String) -> String,
) -> Result<Metadata, HttpError> {
    let json = Value::Object(fields.into_iter().collect());
    index::metadata_from_json(&json).map_err(|err| bad_field("metadata", &place(err.to_string())))
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

/// Takes one of three ways to say which records are deleted.
pub(crate) fn selection(request: wire::DeleteRecords) -> Result<Selection, HttpError> {
    match (request.ids, request.filter, request.all) {
        (Some(ids), None, false) => Ok(Selection::Ids(ids)),
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
pub(crate) fn answer(result: QueryResult, explain: bool) -> wire::SearchAnswer {
    let stages = result.explain.stages.into_iter().map(|stage| wire::Stage {
        name: stage.name.to_owned(),
        num_candidates: stage.num_candidates,
        exact: stage.is_exact,
        took_ms: stage.took.as_secs_f64() * 1e3,
    });
    wire::SearchAnswer {
        lsn: result.lsn,
        explain: explain.then(|| stages.collect()),
        hits: result.matches.into_iter().map(|found| hit(found, explain)).collect(),
    }
}

fn hit(found: Match, explain: bool) -> wire::Hit {
    let stages = found.stages.into_iter().filter(|_| explain).map(|stage| wire::StageScore {
        stage: stage.stage.to_owned(),
        score: stage.score,
        rank: stage.rank,
    });
    wire::Hit {
        id: found.id,
        score: found.score,
        values: found.values,
        sparse: found.sparse.map(sparse),
        metadata: json_of(found.metadata),
        stages: stages.collect(),
    }
}

/// Returns an error about one field.
pub(crate) fn bad_field(field: &'static str, message: &str) -> HttpError {
    HttpError::new(ErrorKind::BadField, format!("`{field}`: {message}")).param(field)
}

/// Returns the status of an error.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::EmptyInput | ErrorKind::BadJson | ErrorKind::BadField | ErrorKind::Tokenizer => {
            StatusCode::BAD_REQUEST
        }
        ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => StatusCode::NOT_FOUND,
        ErrorKind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::WrongTask => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::ModelFailed | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes an error in our own shape. Of a defect it says where to read more, and no more.
pub(crate) fn error_body(error: &HttpError, request_id: &str) -> wire::ErrorBody {
    let is_ours = status(error.kind) == StatusCode::INTERNAL_SERVER_ERROR;
    let message = if is_ours {
        "the server failed on this request; its log says why under this request_id".to_owned()
    } else {
        error.message.clone()
    };
    wire::ErrorBody {
        error: wire::ErrorObject {
            code: code(error.kind).to_owned(),
            message,
            field: error.param.as_ref().map(ToString::to_string),
            request_id: request_id.to_owned(),
        },
    }
}

/// Returns the word that programs know an error by.
pub(crate) fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::EmptyInput => "empty_input",
        ErrorKind::BadJson => "bad_json",
        ErrorKind::BadField => "bad_field",
        ErrorKind::Tokenizer => "tokenizer_failed",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::ForeignPage => "foreign_page",
        ErrorKind::UnknownModel => "unknown_model",
        ErrorKind::UnknownRoute => "unknown_route",
        ErrorKind::WrongMethod => "wrong_method",
        ErrorKind::TooSlow => "too_slow",
        ErrorKind::WrongTask => "wrong_task",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::ContentType => "content_type",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::NotReady => "not_ready",
        ErrorKind::ModelFailed => "model_failed",
        ErrorKind::Internal => "internal",
        ErrorKind::Index(kind) => match kind {
            IndexErrorKind::NoIndexes => "no_indexes",
            IndexErrorKind::UnknownIndex => "unknown_index",
            IndexErrorKind::UnknownRecord => "unknown_record",
            IndexErrorKind::Exists => "index_exists",
            IndexErrorKind::Protected => "index_protected",
            IndexErrorKind::WrongModel => "wrong_model",
            IndexErrorKind::Unsupported => "unsupported",
            IndexErrorKind::NoSpace => "no_space",
            IndexErrorKind::Unavailable => "unavailable",
            IndexErrorKind::Failed => "failed",
        },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

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
        for wrong in [json!({}), json!({"all": true, "ids": ["a"]}), json!({"all": false})] {
            assert_eq!(select(wrong).unwrap_err().kind, ErrorKind::BadField);
        }
    }

    #[test]
    fn a_defect_is_not_explained_to_clients() {
        let error = HttpError::new(ErrorKind::Index(IndexErrorKind::Failed), "/data/x is damaged");
        let body = serde_json::to_string(&error_body(&error, "7f")).unwrap();
        expect![[r#"{"error":{"code":"failed","message":"the server failed on this request; its log says why under this request_id","request_id":"7f"}}"#]]
            .assert_eq(&body);
        let error = bad_field("top_k", "no");
        let body = serde_json::to_string(&error_body(&error, "7f")).unwrap();
        expect![[r#"{"error":{"code":"bad_field","message":"`top_k`: no","field":"top_k","request_id":"7f"}}"#]]
            .assert_eq(&body);
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
}
