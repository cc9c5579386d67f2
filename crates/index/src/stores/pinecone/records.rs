//! Records, changes and queries in Pinecone's words, and what it answers in ours.

use wire::floats::Floats;
use wire::pinecone;

use super::NAME;
use crate::error::StoreError;
use crate::metadata::{self, Metadata};
use crate::query::{Include, Match, Query};
use crate::record::{Namespace, Record, Update};
use crate::stores::http::escaped;

pub(super) fn upsert(
    namespace: &Namespace,
    records: Vec<Record>,
) -> Result<pinecone::UpsertRequest, StoreError> {
    let vector = |record: Record| {
        Ok(pinecone::Vector {
            id: record.id,
            values: Some(floats(record.values)?),
            sparse_values: None,
            metadata: sent(&record.metadata),
        })
    };
    let vectors = records.into_iter().map(vector).collect::<Result<_, StoreError>>()?;
    Ok(pinecone::UpsertRequest { vectors, namespace: Some(namespace.as_str().to_owned()) })
}

pub(super) fn update(
    namespace: &Namespace,
    update: Update,
) -> Result<pinecone::UpdateRequest, StoreError> {
    Ok(pinecone::UpdateRequest {
        id: Some(update.id),
        values: update.values.map(floats).transpose()?,
        set_metadata: sent(&update.set_metadata),
        namespace: Some(namespace.as_str().to_owned()),
        ..pinecone::UpdateRequest::default()
    })
}

pub(super) fn query(
    namespace: &Namespace,
    query: &Query,
    filter: Option<serde_json::Value>,
) -> pinecone::QueryRequest {
    pinecone::QueryRequest {
        top_k: Some(query.top_k),
        vector: Some(pinecone::QueryVector(query.vector.clone())),
        id: None,
        sparse_vector: None,
        namespace: Some(namespace.as_str().to_owned()),
        filter,
        include_values: Some(query.include.values),
        include_metadata: Some(query.include.metadata),
        queries: None,
    }
}

/// Ids as parts of addresses, so many in each as `max_bytes` takes.
pub(super) fn short_queries(ids: &[String], max_bytes: usize) -> Vec<String> {
    let mut queries: Vec<String> = Vec::new();
    for id in ids {
        let part = format!("&ids={}", escaped(id));
        match queries.last_mut() {
            Some(query) if query.len() + part.len() <= max_bytes => query.push_str(&part),
            _ => queries.push(part),
        }
    }
    queries
}

pub(super) fn recorded(vector: pinecone::Vector) -> Result<Record, StoreError> {
    let values = vector.values.map(Floats::into_vec).unwrap_or_default();
    let metadata = received(vector.metadata.as_ref())?;
    Ok(Record { id: vector.id, values, sparse: None, metadata })
}

pub(super) fn matched(
    found: pinecone::ScoredVector,
    include: Include,
) -> Result<Match, StoreError> {
    Ok(Match {
        id: found.id,
        score: found.score,
        values: if include.values { found.values.into_vec() } else { Vec::new() },
        sparse: None,
        metadata: if include.metadata {
            received(found.metadata.as_ref())?
        } else {
            Metadata::new()
        },
        stages: Vec::new(),
    })
}

/// No metadata is left out: an empty object would be one more thing to send.
fn sent(metadata: &Metadata) -> Option<serde_json::Value> {
    (!metadata.is_empty()).then(|| serde_json::json!(metadata))
}

fn received(metadata: Option<&serde_json::Value>) -> Result<Metadata, StoreError> {
    let Some(json) = metadata.filter(|json| !json.is_null()) else { return Ok(Metadata::new()) };
    metadata::from_json(json).map_err(|err| StoreError::Refused {
        store: NAME,
        status: 200,
        message: format!("metadata that is none: {err}"),
    })
}

fn floats(values: Vec<f32>) -> Result<Floats, StoreError> {
    // The checks above the stores refuse these; nothing else stands between a caller and this one.
    Floats::new(values).map_err(|err| StoreError::Refused {
        store: NAME,
        status: 0,
        message: err.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_short() {
        let ids: Vec<String> = ["a", "ü/", "c"].map(str::to_owned).into();
        assert_eq!(short_queries(&ids, 100), ["&ids=a&ids=%C3%BC%2F&ids=c"]);
        assert_eq!(short_queries(&ids, 20), ["&ids=a&ids=%C3%BC%2F", "&ids=c"]);
        assert_eq!(short_queries(&ids, 1).len(), 3);
        assert!(short_queries(&[], 100).is_empty());
    }
}
