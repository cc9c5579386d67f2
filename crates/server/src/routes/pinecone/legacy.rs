//! The control plane of 2.x. Its clients have one address for both planes, so the path names the index
//! that the data is of.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use wire::pinecone::{CreateDatabaseRequest, DatabaseDescription, WhoAmI};

use super::on_index::OnIndex;
use crate::body::JsonBody;
use crate::dialects::pinecone::control;
use crate::error::{ErrorKind, HttpError};
use crate::path::Names;
use crate::respond;
use crate::routes::errors::PineconeDataErrors;

/// Answers who has the key that was sent: here, nobody in particular.
#[utoipa::path(
    get, path = "/actions/whoami", tag = "Pinecone 2.x",
    params(("index" = String, Path, description = "Name of an index")),
    responses((status = 200, description = "A name", body = WhoAmI), PineconeDataErrors)
)]
pub(crate) async fn who_am_i() -> Response<Body> {
    let name = || "sembla".to_owned();
    respond::json(&WhoAmI { project_name: name(), user_name: name(), user_label: name() })
}

/// Lists the names of all indexes.
#[utoipa::path(
    get, path = "/databases", tag = "Pinecone 2.x",
    params(("index" = String, Path, description = "Name of an index")),
    responses((status = 200, description = "By name", body = Vec<String>), PineconeDataErrors)
)]
pub(crate) async fn list_databases(index: OnIndex) -> Result<Response<Body>, HttpError> {
    let indexes = index.store.list_indexes().await?;
    let names = indexes.iter().map(|index| index.spec.name.as_str());
    Ok(respond::json(&names.collect::<Vec<_>>()))
}

/// Creates the index that the path names.
#[utoipa::path(
    post, path = "/databases", tag = "Pinecone 2.x",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = CreateDatabaseRequest,
    responses((status = 201, description = "It is there"), PineconeDataErrors)
)]
pub(crate) async fn create_database(
    index: OnIndex,
    JsonBody(request): JsonBody<CreateDatabaseRequest>,
) -> Result<StatusCode, HttpError> {
    let spec = control::create_database(request)?;
    // Its vectors would go into the index of the path.
    if spec.name != index.name {
        let message = format!(
            "`name`: this address is that of index `{}`; for index `{name}` give the client the host \
             …/pinecone/legacy/{name}",
            index.name,
            name = spec.name
        );
        return Err(HttpError::new(ErrorKind::BadField, message).param("name"));
    }
    index.store.create_index(&spec).await?;
    Ok(StatusCode::CREATED)
}

/// Describes an index.
#[utoipa::path(
    get, path = "/databases/{name}", tag = "Pinecone 2.x",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("name" = String, Path, description = "Name of an index")
    ),
    responses((status = 200, description = "The index", body = DatabaseDescription), PineconeDataErrors)
)]
pub(crate) async fn describe_database(
    index: OnIndex,
    Names((_, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let description = index.store.describe_index(&control::name(&name)?).await?;
    Ok(respond::json(&control::database(&description)))
}

/// Deletes an index with all that it holds, unless it is protected.
#[utoipa::path(
    delete, path = "/databases/{name}", tag = "Pinecone 2.x",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("name" = String, Path, description = "Name of an index")
    ),
    responses((status = 202, description = "It is gone"), PineconeDataErrors)
)]
pub(crate) async fn delete_database(
    index: OnIndex,
    Names((_, name)): Names<(String, String)>,
) -> Result<StatusCode, HttpError> {
    index.store.delete_index(&control::name(&name)?).await?;
    Ok(StatusCode::ACCEPTED)
}
