//! Our own routes of indexes: create, list, describe, change, delete.

pub(crate) mod backup;
pub(crate) mod records;
pub(crate) mod search;
mod texts;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use index::{Checked, Fingerprint, IndexDescription, IndexName};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::indexes::{ChangeIndex, CreateIndex, Done, Index, IndexList};

use super::errors::SemblaErrors;
use crate::App;
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects::indexes as dialect;
use crate::error::HttpError;
use crate::index_model::not_the_same;
use crate::path::Names;
use crate::respond;

/// The metadata field of texts in an index that is created for a served model.
const DEFAULT_TEXT_FIELD: &str = "text";

/// Adds the routes.
pub(crate) fn add_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .routes(routes!(create, list))
        .routes(routes!(describe, change, delete))
        .routes(routes!(records::upsert, records::update, records::list))
        .routes(routes!(records::fetch))
        .routes(routes!(records::find))
        .routes(routes!(records::delete))
        .routes(routes!(records::stats))
        .routes(routes!(search::search))
        .routes(routes!(search::recall))
        .routes(routes!(backup::snapshot))
        .routes(routes!(backup::restore))
        .routes(routes!(backup::check))
}

/// Creates an index.
///
/// Dimensions come from the request or from the model. Texts can be searched for once a model is
/// bound, here or later.
#[utoipa::path(
    post, path = "/v1/indexes", tag = "Indexes",
    request_body = CreateIndex,
    responses((status = 201, description = "The new index", body = Index), SemblaErrors)
)]
pub(crate) async fn create(
    call: Call,
    JsonBody(mut request): JsonBody<CreateIndex>,
) -> Result<Response<Body>, HttpError> {
    if request.model.is_some() {
        request.text_field.get_or_insert_with(|| DEFAULT_TEXT_FIELD.to_owned());
    }
    let asked = asked_fingerprint(&call, request.model.take(), request.fingerprint.take())?;
    let spec = dialect::spec(request, asked)?;
    let created = call.app.indexes()?.create_index(&spec).await?;
    let mut response = respond::json(&dialect::index(created));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Lists all indexes, by name.
#[utoipa::path(
    get, path = "/v1/indexes", tag = "Indexes",
    responses((status = 200, description = "All indexes", body = IndexList), SemblaErrors)
)]
pub(crate) async fn list(call: Call) -> Result<Response<Body>, HttpError> {
    let indexes = call.app.indexes()?.list_indexes().await?;
    Ok(respond::json(&IndexList { indexes: indexes.into_iter().map(dialect::index).collect() }))
}

/// Describes an index.
#[utoipa::path(
    get, path = "/v1/indexes/{name}", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    responses((status = 200, description = "The index", body = Index), SemblaErrors)
)]
pub(crate) async fn describe(
    call: Call,
    Names(name): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let Opened { description, .. } = open(&call, name).await?;
    Ok(respond::json(&dialect::index(description)))
}

/// Changes an index: its deletion protection, its tags, or the model that texts are embedded with.
///
/// A model is bound to an index that has none. To put it in the place of another takes `force`, since
/// vectors of two models cannot be compared.
#[utoipa::path(
    patch, path = "/v1/indexes/{name}", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = ChangeIndex,
    responses((status = 200, description = "The index as it is now", body = Index), SemblaErrors)
)]
pub(crate) async fn change(
    call: Call,
    Names(name): Names<String>,
    JsonBody(mut request): JsonBody<ChangeIndex>,
) -> Result<Response<Body>, HttpError> {
    let Opened { store, name, description } = open(&call, name).await?;
    let asked = asked_fingerprint(&call, request.model.take(), request.fingerprint.take())?;
    if let (Some(recorded), Some(given), false) =
        (&description.spec.fingerprint, &asked, request.force)
    {
        jobs::check_document_model(&name, recorded, given).map_err(not_the_same)?;
    }
    let changed = store.configure_index(&name, &dialect::change(request, asked)?).await?;
    Ok(respond::json(&dialect::index(changed)))
}

/// Deletes an index with all that it holds.
#[utoipa::path(
    delete, path = "/v1/indexes/{name}", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    responses((status = 200, description = "It is gone", body = Done), SemblaErrors)
)]
pub(crate) async fn delete(
    call: Call,
    Names(name): Names<String>,
) -> Result<Response<Body>, HttpError> {
    call.app.indexes()?.delete_index(&dialect::index_name(name)?).await?;
    Ok(respond::json(&Done {}))
}

/// An index that is there.
struct Opened {
    store: Checked,
    name: IndexName,
    description: IndexDescription,
}

async fn open(call: &Call, name: String) -> Result<Opened, HttpError> {
    let store = call.app.indexes()?.clone();
    let name = dialect::index_name(name)?;
    let description = store.describe_index(&name).await?;
    Ok(Opened { store, name, description })
}

/// Returns the fingerprint that a request asks for: that of a served model, or as sent.
fn asked_fingerprint(
    call: &Call,
    model: Option<String>,
    sent: Option<wire::indexes::Fingerprint>,
) -> Result<Option<Fingerprint>, HttpError> {
    match (model, sent) {
        (Some(_), Some(_)) => {
            Err(dialect::bad_field("model", "fingerprint is given too; send one of the two"))
        }
        (Some(name), None) => {
            let model = call.model(Some(&name))?;
            Ok(Some(jobs::model_fingerprint(&model.served.config.model_id, &model.engine)))
        }
        (None, sent) => Ok(sent.map(dialect::fingerprint_from)),
    }
}
