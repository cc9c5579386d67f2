//! The data plane: from a vendor's vectors and queries to ours and back.

use std::collections::BTreeMap;

use bytes::{BufMut as _, BytesMut};
use index::{
    Filter, Fusion, Include, InvalidRequest, MAX_BATCH_RECORDS, MAX_TOP_K, Match, Metadata,
    Namespace, Precision, Query, Record, Selection, SparseVector, Stats, StoreError, Update,
    metadata_from_json,
};
use wire::floats::{Floats, NotFinite};
use wire::pinecone::{
    DeleteRequest, ListItem, NamespaceSummary, QueryRequest, ReadUnits, ScoredVector, SparseValues,
    UpdateRequest, Vector,
};

use super::super::check_score;
use super::bad_field;
use crate::error::{ErrorKind, HttpError};

/// What every read takes, in the vendor's unit of account.
pub(crate) const READ_UNITS: ReadUnits = ReadUnits { read_units: 1 };

/// Translates the namespace of a request, and returns it as the client called it too.
pub(crate) fn namespace(name: Option<String>) -> (Namespace, String) {
    let name = name.unwrap_or_default();
    (Namespace::new(name.clone()), name)
}

/// Translates the records of an upsert.
///
/// # Errors
///
/// If there are none or too many, or the metadata of one is none.
pub(crate) fn records(vectors: Vec<Vector>) -> Result<Vec<Record>, HttpError> {
    check_number("vectors", vectors.len())?;
    vectors.into_iter().map(record).collect()
}

fn record(vector: Vector) -> Result<Record, HttpError> {
    let metadata = metadata(vector.metadata.as_ref(), || record_place(&vector.id))?;
    Ok(Record {
        values: vector.values.map(Floats::into_vec).unwrap_or_default(),
        sparse: vector
            .sparse_values
            .map(|sparse| sparse_vector(sparse, &record_place(&vector.id)))
            .transpose()?,
        metadata,
        id: vector.id,
    })
}

/// Translates metadata; `place` says whose it is.
///
/// # Errors
///
/// If it is nested, null or too large.
pub(crate) fn metadata(
    json: Option<&serde_json::Value>,
    place: impl Fn() -> String,
) -> Result<Metadata, HttpError> {
    let Some(json) = json else { return Ok(Metadata::new()) };
    metadata_from_json(json)
        .map_err(|source| InvalidRequest::Metadata { place: place(), source }.into())
}

fn record_place(id: &str) -> String {
    format!("record `{id}`")
}

fn sparse_vector(sparse: SparseValues, place: &str) -> Result<SparseVector, HttpError> {
    let (num_indices, num_values) = (sparse.indices.len(), sparse.values.as_slice().len());
    // Before they are put in order, which pairs them up.
    if num_indices != num_values {
        let message =
            format!("{place} has {num_indices} sparse indices and {num_values} sparse values");
        return Err(HttpError::new(ErrorKind::BadField, message));
    }
    Ok(SparseVector::sorted(sparse.indices, sparse.values.into_vec()))
}

/// Translates a filter.
///
/// # Errors
///
/// If it is none.
pub(crate) fn filter(json: &serde_json::Value) -> Result<Filter, HttpError> {
    Filter::from_json(json).map_err(|err| InvalidRequest::from(err).into())
}

/// Translates a filter that chooses which records a request is about; `remedy` is for one that chooses
/// all of them.
///
/// # Errors
///
/// If it is none, or is empty and so would choose everything.
pub(crate) fn selecting_filter(
    json: &serde_json::Value,
    remedy: &str,
) -> Result<Filter, HttpError> {
    if json.as_object().is_some_and(serde_json::Map::is_empty) {
        let problem = format!("an empty filter chooses every record; {remedy}");
        return Err(bad_field("filter", &problem));
    }
    filter(json)
}

/// Checks how many records or ids a field has, or asks for.
///
/// # Errors
///
/// If there are none or too many.
pub(crate) fn check_number(field: &'static str, got: usize) -> Result<(), HttpError> {
    if (1..=MAX_BATCH_RECORDS).contains(&got) {
        return Ok(());
    }
    Err(bad_field(field, &format!("1 to {MAX_BATCH_RECORDS} records in one request, not {got}")))
}

/// Checks how many matches are asked for.
///
/// # Errors
///
/// If it is none or too many.
pub(crate) fn check_top_k(field: &'static str, got: usize) -> Result<(), HttpError> {
    if (1..=MAX_TOP_K).contains(&got) {
        return Ok(());
    }
    Err(bad_field(field, &format!("1 to {MAX_TOP_K} matches in one answer, not {got}")))
}

/// What a query is near to.
#[derive(Debug, PartialEq)]
pub(crate) enum Near {
    /// This.
    Vector(Vec<f32>, Option<SparseVector>),
    /// The vectors of this record.
    Id(String),
}

/// Finds what a query is near to.
///
/// # Errors
///
/// If it names nothing, or two things.
pub(crate) fn near(request: &mut QueryRequest) -> Result<Near, HttpError> {
    if request.queries.is_some() {
        let message = "`queries`: send one query with `vector` or `id` each";
        return Err(HttpError::new(ErrorKind::BadField, message).param("queries"));
    }
    let sparse = request.sparse_vector.take();
    match (request.vector.take(), request.id.take(), sparse) {
        (Some(vector), None, sparse) => Ok(Near::Vector(
            vector.0,
            sparse.map(|s| sparse_vector(s, "`sparseVector`")).transpose()?,
        )),
        (None, None, Some(sparse)) => {
            Ok(Near::Vector(Vec::new(), Some(sparse_vector(sparse, "`sparseVector`")?)))
        }
        (None, Some(id), None) => Ok(Near::Id(id)),
        (None, None, None) => {
            let message = "a query needs `vector`, `id` or `sparseVector`";
            Err(HttpError::new(ErrorKind::BadField, message).param("vector"))
        }
        (_, Some(_), _) => {
            let message = "`id`: a vector is given too; send one of the two";
            Err(HttpError::new(ErrorKind::BadField, message).param("id"))
        }
    }
}

/// Builds a query, but for the vectors that it is near to.
///
/// # Errors
///
/// If it does not say how many matches, or its filter is none.
pub(crate) fn query(request: &QueryRequest) -> Result<Query, HttpError> {
    let Some(top_k) = request.top_k else {
        let problem = "missing; it is how many matches are wanted, and is spelt so on this route and \
                       not `top_k`";
        return Err(bad_field("topK", problem));
    };
    check_top_k("topK", top_k)?;
    Ok(Query {
        vector: Vec::new(),
        sparse: None,
        fusion: Fusion::Sum,
        top_k,
        filter: request.filter.as_ref().map(filter).transpose()?,
        include: Include {
            values: request.include_values.unwrap_or(false),
            metadata: request.include_metadata.unwrap_or(false),
        },
        precision: Precision::Auto,
    })
}

/// Explains why a query failed; `field` is where its dense vector stands.
pub(crate) fn query_error(err: StoreError, field: &'static str) -> HttpError {
    let StoreError::Invalid(InvalidRequest::Dimensions { index, expected, got: 0, .. }) = &err
    else {
        return err.into();
    };
    let problem = format!(
        "index `{index}` has dense vectors of {expected} dimensions, so a query needs one, also beside a \
         sparse one"
    );
    bad_field(field, &problem)
}

/// Checks that every score is a number that JSON has.
///
/// # Errors
///
/// If one has grown beyond the largest `f32`.
pub(crate) fn check_scores(matches: &[Match]) -> Result<(), HttpError> {
    matches.iter().try_for_each(|found| check_score(&found.id, found.score))
}

/// Appends one match as JSON.
///
/// # Errors
///
/// [`NotFinite`] if a value of its vector is not finite.
pub(crate) fn write_match(found: Match, out: &mut BytesMut) -> Result<(), NotFinite> {
    let scored = ScoredVector {
        id: found.id,
        score: found.score,
        values: Floats::new(found.values)?,
        sparse_values: found.sparse.map(sparse_values).transpose()?,
        metadata: metadata_json(&found.metadata),
    };
    serde_json::to_writer(out.writer(), &scored).expect("checked floats and string keys are JSON");
    Ok(())
}

/// Translates a record that was fetched.
///
/// # Errors
///
/// [`NotFinite`] if a value of its vector is not finite.
pub(crate) fn vector(record: Record) -> Result<Vector, NotFinite> {
    Ok(Vector {
        id: record.id,
        values: Some(Floats::new(record.values)?),
        sparse_values: record.sparse.map(sparse_values).transpose()?,
        metadata: metadata_json(&record.metadata),
    })
}

fn sparse_values(sparse: SparseVector) -> Result<SparseValues, NotFinite> {
    Ok(SparseValues { indices: sparse.indices, values: Floats::new(sparse.values)? })
}

fn metadata_json(metadata: &Metadata) -> Option<serde_json::Value> {
    let json = || serde_json::to_value(metadata).expect("metadata has string keys only");
    (!metadata.is_empty()).then(json)
}

/// Translates a change of the record `id`.
///
/// # Errors
///
/// If its metadata is none, or it is to be counted only.
pub(crate) fn update(request: UpdateRequest, id: String) -> Result<Update, HttpError> {
    if request.dry_run == Some(true) {
        let problem =
            "counts what passes a `filter`, and an update of one `id` has none; leave it out";
        return Err(bad_field("dryRun", problem));
    }
    let set_metadata = metadata(request.set_metadata.as_ref(), || record_place(&id))?;
    Ok(Update {
        values: request.values.map(Floats::into_vec),
        sparse: request
            .sparse_values
            .map(|sparse| sparse_vector(sparse, &record_place(&id)))
            .transpose()?,
        set_metadata,
        id,
    })
}

/// Finds which records are to be deleted.
///
/// # Errors
///
/// If the request says it in no way, or in two.
pub(crate) fn selection(request: DeleteRequest) -> Result<Selection, HttpError> {
    match (request.ids, request.delete_all.unwrap_or(false), &request.filter) {
        (Some(ids), false, None) => {
            check_number("ids", ids.len())?;
            Ok(Selection::Ids(ids))
        }
        (None, true, None) => Ok(Selection::All),
        (None, false, Some(filter)) => {
            let remedy = "to delete all, send `deleteAll`";
            selecting_filter(filter, remedy).map(Selection::Filter)
        }
        _ => {
            let message = "send one of `ids`, `filter` and `deleteAll: true`";
            Err(HttpError::new(ErrorKind::BadField, message))
        }
    }
}

/// Translates a page of ids.
pub(crate) fn list_items(ids: Vec<String>) -> Vec<ListItem> {
    ids.into_iter().map(|id| ListItem { id }).collect()
}

/// Translates counts; `default` is what the default namespace is called.
pub(crate) fn namespaces(stats: &Stats, default: &str) -> BTreeMap<String, NamespaceSummary> {
    let summary = |stats: &index::NamespaceStats| {
        let name = stats.namespace.as_str();
        let name = if name.is_empty() { default } else { name };
        (name.to_owned(), NamespaceSummary { vector_count: stats.num_records })
    };
    stats.namespaces.iter().map(summary).collect()
}
