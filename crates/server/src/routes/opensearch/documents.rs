//! Documents: `_bulk`, and one at a time.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use index::StoreError;
use wire::opensearch::bulk::{BulkResponse, DocumentResponse};
use wire::opensearch::search::GetResponse;

use super::parameters::Parameters;
use super::{OpenSearchErrors, lookup, namespace, text, write};
use crate::App;
use crate::body::RawBody;
use crate::dialects::opensearch::bulk::{self, Kind, Operation};
use crate::dialects::opensearch::source::Chosen;
use crate::dialects::opensearch::{body_of, document};
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;
use crate::path::Names;
use crate::respond;

/// Writes and deletes documents of any index, each for itself: an item that fails stops no other.
#[utoipa::path(
    method(post, put), path = "/os/_bulk", tag = "OpenSearch",
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, description = "What became of each item", body = BulkResponse), OpenSearchErrors)
)]
pub(crate) async fn bulk(
    State(app): State<App>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    answer_bulk(&app, None, &parameters, body).await
}

/// Writes and deletes documents, of this index where a line names no other.
#[utoipa::path(
    method(post, put), path = "/os/{index}/_bulk", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, description = "What became of each item", body = BulkResponse), OpenSearchErrors)
)]
pub(crate) async fn bulk_of_index(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    answer_bulk(&app, Some(name), &parameters, body).await
}

async fn answer_bulk(
    app: &App,
    index: Option<String>,
    parameters: &Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    let began = Instant::now();
    parameters.none()?;
    app.indexes()?;
    let operations =
        app.offload().run(move || bulk::operations(text(&body)?, index.as_deref())).await?;
    let done = write::apply(app, &operations).await?;
    let errors = done.iter().any(|done| done.result.is_err());
    let items = operations.iter().zip(done);
    let items =
        items.map(|(operation, done)| bulk::item(operation, done.id, done.result)).collect();
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let answer = BulkResponse { took, errors, items };
    Ok(app.offload().run(move || respond::json(&answer)).await)
}

/// Writes a document, whether there is one of this id or not.
#[utoipa::path(
    method(put, post), path = "/os/{index}/_doc/{id}", tag = "OpenSearch",
    params(
        ("index" = String, Path, description = "Name of the index"),
        ("id" = String, Path, description = "Id of the document")
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "There was one", body = DocumentResponse),
        (status = 201, description = "There was none", body = DocumentResponse),
        OpenSearchErrors
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Names((index, id)): Names<(String, String)>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    let [op_type] = parameters.take(["op_type"])?;
    let kind = match op_type {
        None | Some("index") => Kind::Index,
        Some("create") => Kind::Create,
        Some(other) => {
            let message = format!("`op_type`: `{other}` is neither index nor create");
            return Err(HttpError::new(ErrorKind::BadField, message).param("op_type"));
        }
    };
    answer_one(&app, kind, index, Some(id), text(&body)?).await
}

/// Writes a document and makes up its id.
#[utoipa::path(
    post, path = "/os/{index}/_doc", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    request_body = serde_json::Value,
    responses((status = 201, description = "It is there", body = DocumentResponse), OpenSearchErrors)
)]
pub(crate) async fn post(
    State(app): State<App>,
    Names(index): Names<String>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    answer_one(&app, Kind::Index, index, None, text(&body)?).await
}

/// Writes a document unless there is one of this id.
#[utoipa::path(
    method(put, post), path = "/os/{index}/_create/{id}", tag = "OpenSearch",
    params(
        ("index" = String, Path, description = "Name of the index"),
        ("id" = String, Path, description = "Id of the document")
    ),
    request_body = serde_json::Value,
    responses(
        (status = 201, description = "It is there", body = DocumentResponse),
        (status = 409, description = "There was one", body = wire::opensearch::ErrorBody),
        OpenSearchErrors
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Names((index, id)): Names<(String, String)>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    answer_one(&app, Kind::Create, index, Some(id), text(&body)?).await
}

/// Changes fields of a document.
#[utoipa::path(
    post, path = "/os/{index}/_update/{id}", tag = "OpenSearch",
    params(
        ("index" = String, Path, description = "Name of the index"),
        ("id" = String, Path, description = "Id of the document")
    ),
    request_body = wire::opensearch::bulk::UpdateBody,
    responses((status = 200, description = "It is changed", body = DocumentResponse), OpenSearchErrors)
)]
pub(crate) async fn update(
    State(app): State<App>,
    Names((index, id)): Names<(String, String)>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    answer_one(&app, Kind::Update, index, Some(id), text(&body)?).await
}

/// Deletes a document.
#[utoipa::path(
    delete, path = "/os/{index}/_doc/{id}", tag = "OpenSearch",
    params(
        ("index" = String, Path, description = "Name of the index"),
        ("id" = String, Path, description = "Id of the document")
    ),
    responses((status = 200, description = "It is gone", body = DocumentResponse), OpenSearchErrors)
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Names((index, id)): Names<(String, String)>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    answer_one(&app, Kind::Delete, index, Some(id), "").await
}

// A request about one document is a bulk of one.
async fn answer_one(
    app: &App,
    kind: Kind,
    index: String,
    id: Option<String>,
    body: &str,
) -> Result<Response<Body>, HttpError> {
    app.indexes()?;
    let operations = [Operation { kind, index: Some(index.clone()), id, body: body.to_owned() }];
    let mut done = write::apply(app, &operations).await?;
    let done = done.pop().expect("one operation has one outcome");
    let (status, mut response) = match (done.result, done.id) {
        (Ok(written), Some(id)) => {
            (bulk::success(&written), respond::json(&DocumentResponse { index, id, written }))
        }
        (Err(failure), _) => {
            (failure.status, respond::json(&body_of(failure.status, failure.cause)))
        }
        (Ok(_), None) => unreachable!("what was written has an id"),
    };
    *response.status_mut() = status;
    Ok(response)
}

/// Shows a document; with HEAD, whether there is one.
#[utoipa::path(
    get, path = "/os/{index}/_doc/{id}", tag = "OpenSearch",
    params(
        ("index" = String, Path, description = "Name of the index"),
        ("id" = String, Path, description = "Id of the document")
    ),
    responses((status = 200, description = "The document under `_source`", body = serde_json::Value), OpenSearchErrors)
)]
pub(crate) async fn get(
    State(app): State<App>,
    Names((index, id)): Names<(String, String)>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    let [source, includes, excludes, _realtime] =
        parameters.take(["_source", "_source_includes", "_source_excludes", "realtime"])?;
    let chosen = Chosen::from_parameters(source, includes, excludes).unwrap_or_default();
    let store = app.indexes()?;
    let mapped = lookup(store, &index).await?;
    let ids = [id];
    let found = store.fetch(&mapped.spec.name, &namespace(), &ids).await;
    let [id] = ids;
    let record = match found {
        Ok(mut records) => records.pop(),
        // An id that nothing can have is one that nothing has.
        Err(StoreError::Invalid(_)) => None,
        Err(err) => return Err(err.into()),
    };
    let Some(record) = record else {
        let mut response =
            respond::json(&GetResponse { index, id, version: None, found: false, source: None });
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    };
    let source = document::source(&mapped, &record).map_err(damaged)?;
    Ok(respond::json(&GetResponse {
        index,
        id,
        version: Some(document::version(&record)),
        found: true,
        source: chosen.of(source),
    }))
}

/// Says that what was kept of a document cannot be read.
pub(super) fn damaged(why: String) -> HttpError {
    HttpError::new(ErrorKind::Index(IndexErrorKind::Failed), why)
}
