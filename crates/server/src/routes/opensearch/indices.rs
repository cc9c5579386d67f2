//! Indexes: create, show, delete, refresh.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use index::StoreError;
use wire::opensearch::{
    Acknowledged, CreateIndexRequest, CreateIndexResponse, InfoResponse, InfoVersion,
    MappingObject, RefreshResponse, Shards,
};

use super::parameters::Parameters;
use super::{OpenSearchErrors, lookup, read_or_default};
use crate::App;
use crate::body::RawBody;
use crate::dialects::opensearch::mapping::Mapped;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;
use crate::path::Names;
use crate::respond;

/// The version whose protocol is spoken; clients compare it.
const SPOKEN_VERSION: &str = "2.19.0";

/// Says who is speaking.
#[utoipa::path(
    get, path = "/os/", tag = "OpenSearch",
    responses((status = 200, description = "The server and the version of the protocol", body = InfoResponse), OpenSearchErrors)
)]
pub(crate) async fn info() -> Response<Body> {
    respond::json(&InfoResponse {
        name: "sembla".to_owned(),
        cluster_name: "sembla".to_owned(),
        version: InfoVersion {
            distribution: "opensearch".to_owned(),
            number: SPOKEN_VERSION.to_owned(),
        },
        tagline: format!("Sembla {}", env!("CARGO_PKG_VERSION")),
    })
}

/// Creates an index of documents with one field of the type `knn_vector`.
#[utoipa::path(
    put, path = "/os/{index}", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    request_body = CreateIndexRequest,
    responses((status = 200, description = "It is there", body = CreateIndexResponse), OpenSearchErrors)
)]
pub(crate) async fn create(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    let store = app.indexes()?;
    let request: CreateIndexRequest = read_or_default(&body)?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let created_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
    let mapped = Mapped::plan(&name, request, created_ms)?;
    match store.create_index(&mapped.spec).await {
        Ok(_) => {}
        Err(StoreError::IndexExists { .. }) => return Err(exists(&mapped)),
        Err(err) => return Err(err.into()),
    }
    Ok(respond::json(&CreateIndexResponse {
        acknowledged: true,
        shards_acknowledged: true,
        index: name,
    }))
}

fn exists(mapped: &Mapped) -> HttpError {
    let message = format!(
        "index [{}] already exists, or another index has its name here, `{}`",
        mapped.name, mapped.spec.name
    );
    HttpError::new(ErrorKind::Index(IndexErrorKind::Exists), message)
}

/// Shows an index; with HEAD, whether there is one.
#[utoipa::path(
    get, path = "/os/{index}", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 200, description = "Mappings and settings, under the name", body = serde_json::Value), OpenSearchErrors)
)]
pub(crate) async fn show(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    let mapped = lookup(app.indexes()?, &name).await?;
    Ok(respond::json(&BTreeMap::from([(name, mapped.object())])))
}

/// Shows the mapping of an index.
#[utoipa::path(
    get, path = "/os/{index}/_mapping", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 200, description = "Mappings, under the name", body = serde_json::Value), OpenSearchErrors)
)]
pub(crate) async fn mapping(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    let mapped = lookup(app.indexes()?, &name).await?;
    let object = MappingObject { mappings: mapped.object().mappings };
    Ok(respond::json(&BTreeMap::from([(name, object)])))
}

/// Deletes an index with all its documents.
#[utoipa::path(
    delete, path = "/os/{index}", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 200, description = "It is gone", body = Acknowledged), OpenSearchErrors)
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    let store = app.indexes()?;
    let mapped = lookup(store, &name).await?;
    store.delete_index(&mapped.spec.name).await?;
    Ok(respond::json(&Acknowledged { acknowledged: true }))
}

/// Does nothing: every write is seen by every later search.
#[utoipa::path(
    method(get, post), path = "/os/{index}/_refresh", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 200, description = "Done", body = RefreshResponse), OpenSearchErrors)
)]
pub(crate) async fn refresh(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    lookup(app.indexes()?, &name).await?;
    Ok(respond::json(&RefreshResponse { shards: Shards::WRITTEN }))
}

/// Does nothing, for all indexes.
#[utoipa::path(
    method(get, post), path = "/os/_refresh", tag = "OpenSearch",
    responses((status = 200, description = "Done", body = RefreshResponse), OpenSearchErrors)
)]
pub(crate) async fn refresh_all(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    app.indexes()?;
    Ok(respond::json(&RefreshResponse { shards: Shards::WRITTEN }))
}
