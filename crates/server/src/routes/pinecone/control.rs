//! The control plane: creating, describing and changing indexes.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use index::{Fingerprint, IndexDescription, IndexSpec};
use wire::pinecone::{
    ConfigureIndexRequest, CreateForModelRequest, CreateIndexRequest, IndexList, IndexModel,
};

use crate::App;
use crate::address::BaseUrl;
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects::pinecone::control;
use crate::error::{ErrorKind, HttpError};
use crate::index_model::model_name;
use crate::models::Served;
use crate::path::Names;
use crate::respond;
use crate::routes::errors::PineconeErrors;

/// Creates an empty index, which is ready at once.
#[utoipa::path(
    post, path = "/pinecone/indexes", tag = "Pinecone",
    request_body = CreateIndexRequest,
    responses((status = 201, description = "The index", body = IndexModel), PineconeErrors)
)]
pub(crate) async fn create_index(
    call: Call,
    url: BaseUrl,
    JsonBody(request): JsonBody<CreateIndexRequest>,
) -> Result<Response<Body>, HttpError> {
    let store = call.app.indexes()?;
    let created = store.create_index(&control::create(request)?).await?;
    Ok(answer(&call, &created, &url, StatusCode::CREATED))
}

/// Creates an empty index whose texts are embedded with a served model.
#[utoipa::path(
    post, path = "/pinecone/indexes/create-for-model", tag = "Pinecone",
    request_body = CreateForModelRequest,
    responses((status = 201, description = "The index", body = IndexModel), PineconeErrors)
)]
pub(crate) async fn create_index_for_model(
    call: Call,
    url: BaseUrl,
    JsonBody(request): JsonBody<CreateForModelRequest>,
) -> Result<Response<Body>, HttpError> {
    let store = call.app.indexes()?;
    let model = fingerprint_of(&call, &request.embed.model)?;
    let created = store.create_index(&control::create_for_model(request, model)?).await?;
    Ok(answer(&call, &created, &url, StatusCode::CREATED))
}

/// Lists all indexes.
#[utoipa::path(
    get, path = "/pinecone/indexes", tag = "Pinecone",
    responses((status = 200, description = "By name", body = IndexList), PineconeErrors)
)]
pub(crate) async fn list_indexes(call: Call, url: BaseUrl) -> Result<Response<Body>, HttpError> {
    let indexes = call.app.indexes()?.list_indexes().await?;
    let indexes = indexes.iter().map(|index| model(&call.app, index, &url)).collect();
    Ok(respond::json(&IndexList { indexes }))
}

/// Describes an index.
#[utoipa::path(
    get, path = "/pinecone/indexes/{index}", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    responses((status = 200, description = "The index", body = IndexModel), PineconeErrors)
)]
pub(crate) async fn describe_index(
    call: Call,
    url: BaseUrl,
    Names(name): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let description = call.app.indexes()?.describe_index(&control::name(&name)?).await?;
    Ok(answer(&call, &description, &url, StatusCode::OK))
}

/// Changes the deletion protection, the tags or the model of an index.
#[utoipa::path(
    patch, path = "/pinecone/indexes/{index}", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = ConfigureIndexRequest,
    responses((status = 200, description = "The index", body = IndexModel), PineconeErrors)
)]
pub(crate) async fn configure_index(
    call: Call,
    url: BaseUrl,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<ConfigureIndexRequest>,
) -> Result<Response<Body>, HttpError> {
    let store = call.app.indexes()?;
    let name = control::name(&name)?;
    let mut change = control::configure(&request)?;
    let before = store.describe_index(&name).await?.spec;
    control::check_changed_tags(&before, &change.tags)?;
    if let Some(model) = request.embed.and_then(|embed| embed.model) {
        let wanted = fingerprint_of(&call, &model)?;
        change.fingerprint = Some(rebound(&call.app, before.fingerprint, wanted)?);
    }
    let changed = store.configure_index(&name, &change).await?;
    Ok(answer(&call, &changed, &url, StatusCode::OK))
}

/// Deletes an index with all that it holds, unless it is protected.
#[utoipa::path(
    delete, path = "/pinecone/indexes/{index}", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    responses((status = 202, description = "It is gone"), PineconeErrors)
)]
pub(crate) async fn delete_index(
    call: Call,
    Names(name): Names<String>,
) -> Result<StatusCode, HttpError> {
    call.app.indexes()?.delete_index(&control::name(&name)?).await?;
    Ok(StatusCode::ACCEPTED)
}

fn answer(
    call: &Call,
    description: &IndexDescription,
    url: &BaseUrl,
    status: StatusCode,
) -> Response<Body> {
    let mut response = respond::json(&model(&call.app, description, url));
    *response.status_mut() = status;
    response
}

fn model(app: &App, description: &IndexDescription, url: &BaseUrl) -> IndexModel {
    let IndexSpec { name, fingerprint, .. } = &description.spec;
    let model = fingerprint.as_ref().map(|fingerprint| model_name(app, fingerprint));
    control::index_model(description, url.pinecone_index(name), model)
}

// An index keeps its model for good, so its name must be one that is served: an only model does not
// answer to any name here.
fn fingerprint_of(call: &Call, name: &str) -> Result<Fingerprint, HttpError> {
    let served = named(&call.app, name)?;
    let model = call.ready(served)?;
    Ok(jobs::model_fingerprint(&served.config.name, &model.engine))
}

/// Returns the served model of exactly this name or alias.
///
/// # Errors
///
/// If there is none.
pub(super) fn named<'a>(app: &'a App, name: &str) -> Result<&'a Arc<Served>, HttpError> {
    let models = app.models();
    models.iter().find(|served| served.answers_to(name)).ok_or_else(|| {
        let message = format!("model `{name}` is not served here; served are {}", models.names());
        HttpError::new(ErrorKind::UnknownModel, message).param("model")
    })
}

// Texts of another model among those that are there would be compared with what they are not like.
fn rebound(
    app: &App,
    bound: Option<Fingerprint>,
    wanted: Fingerprint,
) -> Result<Fingerprint, HttpError> {
    let Some(bound) = bound else { return Ok(wanted) };
    if bound.weight_hash == wanted.weight_hash {
        return Ok(wanted);
    }
    let message = format!(
        "`embed.model`: the vectors of this index are of model `{}`, and those of `{}` cannot be \
         compared with them; create another index",
        model_name(app, &bound),
        wanted.model
    );
    Err(HttpError::new(ErrorKind::BadField, message).param("embed.model"))
}
