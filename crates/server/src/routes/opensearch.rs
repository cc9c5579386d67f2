//! The routes of OpenSearch, under `/os`.
//!
//! `OpenSearch("http://127.0.0.1:8080/os")` finds them: indexes here, documents in `documents`,
//! searches in `search`.

pub(crate) mod documents;
mod find;
pub(crate) mod indices;
mod parameters;
pub(crate) mod search;
mod write;

use index::{Checked, Namespace, StoreError};
use serde::de::DeserializeOwned;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::opensearch::ErrorBody;

use crate::App;
use crate::body::{self, RawBody};
use crate::dialects::opensearch::mapping::{self, Mapped};
use crate::error::HttpError;

pub(crate) use write::WriteTurns;

/// What a route of OpenSearch answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum OpenSearchErrors {
    #[response(
        status = 400,
        description = "The request has what is not served or does not fit the index"
    )]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "A page of another site asks")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "No such index or document")]
    NotFound(ErrorBody),
    #[response(status = 406, description = "The body is not declared as JSON")]
    NotAcceptable(ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(ErrorBody),
    #[response(status = 500, description = "The store failed")]
    Failed(ErrorBody),
    #[response(
        status = 503,
        description = "The server keeps no indexes, or their store does not answer"
    )]
    NotReady(ErrorBody),
}

/// Adds these routes.
pub(crate) fn add_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .routes(routes!(indices::info))
        .routes(routes!(indices::create, indices::show, indices::delete))
        .routes(routes!(indices::mapping))
        .routes(routes!(indices::refresh))
        .routes(routes!(indices::refresh_all))
        .routes(routes!(documents::bulk))
        .routes(routes!(documents::bulk_of_index))
        .routes(routes!(documents::put, documents::get, documents::delete))
        .routes(routes!(documents::post))
        .routes(routes!(documents::create))
        .routes(routes!(documents::update))
        .routes(routes!(search::search))
        .routes(routes!(search::count))
}

/// OpenSearch has no namespaces: its documents are in the default one.
fn namespace() -> Namespace {
    Namespace::default()
}

/// Returns an index as this dialect sees it.
async fn lookup(store: &Checked, name: &str) -> Result<Mapped, HttpError> {
    let index = mapping::index_name(name)?;
    match store.describe_index(&index).await {
        Ok(description) => Mapped::of_spec(name, description.spec),
        Err(StoreError::IndexNotFound { .. }) => Err(mapping::not_found(name)),
        Err(err) => Err(err.into()),
    }
}

/// Reads a body that may be left out.
fn read_or_default<T: DeserializeOwned + Default>(body: &RawBody) -> Result<T, HttpError> {
    if body.bytes.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    body::parse(&body.bytes)
}

/// Returns a body that is text.
fn text(body: &RawBody) -> Result<&str, HttpError> {
    std::str::from_utf8(&body.bytes).map_err(|err| {
        let message = format!("the body is not valid UTF-8 from byte {}", err.valid_up_to());
        HttpError::new(crate::error::ErrorKind::BadJson, message)
    })
}
