//! The control plane: from a vendor's index to ours and back.
//!
//! What only a hosted service has (cloud, region) is kept in tags of the index under names that no client
//! can give.

mod describe;
mod schema;
mod tags;

use std::collections::BTreeMap;

use index::{Fingerprint, IndexChange, IndexName, IndexSpec, Protection};
use index::{SparseWeights, VectorKind};
use wire::pinecone::{
    ConfigureIndexRequest, CreateDatabaseRequest, CreateForModelRequest, CreateIndexRequest,
    DeletionProtection, Deployment, Metric, Place, PlaceSpec, VectorType,
};

pub(crate) use self::describe::{database, index_model, metric, vector_type};
use self::schema::Vectors;
pub(crate) use self::tags::{check_changed as check_changed_tags, text_field};
use super::bad_field;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

/// Translates a body of `POST /indexes`.
///
/// # Errors
///
/// If it contradicts itself, or asks for what no index here has.
pub(crate) fn create(request: CreateIndexRequest) -> Result<IndexSpec, HttpError> {
    check_sources(request.spec.as_ref())?;
    let vectors = Vectors::of(&request)?;
    let place = place(request.spec, request.deployment);
    let tags = tags::new(request.tags, place.as_ref())?;
    spec(new_name(request.name)?, &vectors, request.deletion_protection, tags)
}

/// Translates a body of `POST /indexes/create-for-model` for a model of this fingerprint.
///
/// # Errors
///
/// If it asks for other dimensions than the model's, or names no text field.
pub(crate) fn create_for_model(
    request: CreateForModelRequest,
    fingerprint: Fingerprint,
) -> Result<IndexSpec, HttpError> {
    if let Some(dimension) = request.embed.dimension
        && dimension != fingerprint.dimensions
    {
        let problem = format!(
            "model `{}` gives {} dimensions, not {dimension}",
            fingerprint.model, fingerprint.dimensions
        );
        return Err(bad_field("embed.dimension", &problem));
    }
    let place = Place { cloud: request.cloud, region: request.region, source_collection: None };
    let mut tags = tags::new(request.tags, Some(&place))?;
    tags::set_text_field(&mut tags, &request.embed.field_map)?;
    let vectors = Vectors::dense(fingerprint.dimensions, request.embed.metric);
    let spec = spec(new_name(request.name)?, &vectors, request.deletion_protection, tags)?;
    Ok(IndexSpec { fingerprint: Some(fingerprint), ..spec })
}

/// Translates a body of `POST /databases`.
///
/// # Errors
///
/// If the name breaks the rules, or the index is to begin with what is not here.
pub(crate) fn create_database(request: CreateDatabaseRequest) -> Result<IndexSpec, HttpError> {
    check_source("source_collection", request.source_collection.as_deref())?;
    let vectors = Vectors::dense(request.dimension, request.metric);
    spec(new_name(request.name)?, &vectors, None, BTreeMap::new())
}

/// Translates a body of `PATCH /indexes/{name}`; a model is bound by whoever knows the served ones.
///
/// # Errors
///
/// If it asks for what no index here has, or for tags that are not the caller's.
pub(crate) fn configure(request: &ConfigureIndexRequest) -> Result<IndexChange, HttpError> {
    let unknown = [
        ("spec", request.spec.is_some()),
        ("deployment", request.deployment.is_some()),
        ("schema", request.schema.is_some()),
    ];
    if let Some((field, _)) = unknown.into_iter().find(|(_, is_there)| *is_there) {
        let problem = "an index here has no pods, replicas or declared fields to change; all \
                       metadata can be filtered on as it is";
        return Err(bad_field(field, problem));
    }
    let mut tags = request.tags.clone().unwrap_or_default();
    tags::check(&tags)?;
    if let Some(fields) = request.embed.as_ref().and_then(|embed| embed.field_map.as_ref()) {
        tags::set_text_field(&mut tags, fields)?;
    }
    let protection = request.deletion_protection.map(protection);
    Ok(IndexChange { protection, tags, fingerprint: None })
}

/// Reads the name of an index from a path. One that breaks the rules is a name that no index has.
///
/// # Errors
///
/// If no index can have this name.
pub(crate) fn name(name: &str) -> Result<IndexName, HttpError> {
    IndexName::try_from(name).map_err(|_| {
        let kind = ErrorKind::Index(IndexErrorKind::UnknownIndex);
        HttpError::new(kind, format!("there is no index `{name}`"))
    })
}

fn spec(
    name: IndexName,
    vectors: &Vectors,
    deletion_protection: Option<DeletionProtection>,
    mut tags: BTreeMap<String, String>,
) -> Result<IndexSpec, HttpError> {
    let kind = match vectors.vector_type {
        VectorType::Dense => VectorKind::Dense,
        VectorType::Sparse => VectorKind::Sparse,
    };
    if kind == VectorKind::Dense && vectors.dimension.is_none() {
        let problem = "an index of dense vectors needs one";
        return Err(bad_field("dimension", problem));
    }
    if kind == VectorKind::Dense && vectors.declares_sparse {
        tags::declare_sparse(&mut tags);
    }
    Ok(IndexSpec {
        name,
        dimensions: vectors.dimension.unwrap_or(0),
        metric: match vectors.metric() {
            Metric::Cosine => index::Metric::Cosine,
            Metric::DotProduct => index::Metric::DotProduct,
            Metric::Euclidean => index::Metric::Euclidean,
        },
        kind,
        sparse_weights: SparseWeights::AsSent,
        protection: deletion_protection.map_or(Protection::Disabled, protection),
        tags,
        fingerprint: None,
    })
}

fn check_sources(spec: Option<&PlaceSpec>) -> Result<(), HttpError> {
    let serverless = spec.and_then(|spec| spec.serverless.as_ref());
    let of_serverless = serverless.and_then(|place| place.source_collection.as_deref());
    check_source("spec.serverless.source_collection", of_serverless)?;
    let pod = spec.and_then(|spec| spec.pod.as_ref());
    check_source("spec.pod.source_collection", pod.and_then(|pod| pod.source_collection.as_deref()))
}

// 2.x sends an empty one for none.
fn check_source(field: &'static str, collection: Option<&str>) -> Result<(), HttpError> {
    if collection.is_none_or(str::is_empty) {
        return Ok(());
    }
    let problem = "no collections are kept here, and the index would begin empty; leave this out and \
                   upsert the records, or restore a snapshot with `sembla index restore`";
    Err(bad_field(field, problem))
}

fn place(spec: Option<PlaceSpec>, deployment: Option<Deployment>) -> Option<Place> {
    if let Some(place) = spec.and_then(|spec| spec.serverless) {
        return Some(place);
    }
    let Deployment { cloud, region, .. } = deployment?;
    Some(Place { cloud: cloud?, region: region?, source_collection: None })
}

// The path of another route, which an index of this name would hide behind.
const NO_NAME: &str = "create-for-model";

fn new_name(name: String) -> Result<IndexName, HttpError> {
    if name == NO_NAME {
        let problem = format!("`{NO_NAME}` is a route; take another name");
        return Err(bad_field("name", &problem));
    }
    Ok(IndexName::try_from(name)?)
}

fn protection(wanted: DeletionProtection) -> Protection {
    match wanted {
        DeletionProtection::Enabled => Protection::Enabled,
        DeletionProtection::Disabled => Protection::Disabled,
    }
}
