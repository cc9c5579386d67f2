//! Our own routes that read and write folders of the server's machine: snapshot, restore, check.
//!
//! Only through the socket in the data directory, which only the user of the server can open:
//! anybody else must not choose what is written where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Response;
use axum::http::request::Parts;
use index::EmbeddedStore;
use wire::indexes::{CheckReport, Done, Index, SnapshotFolder};

use super::SemblaErrors;
use crate::App;
use crate::body::JsonBody;
use crate::dialects::indexes as dialect;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;
use crate::path::Names;
use crate::respond;
use crate::serve::Local;

/// The embedded store, for a request of this machine's user.
pub(crate) struct Owned {
    app: App,
    store: Arc<EmbeddedStore>,
}

impl FromRequestParts<App> for Owned {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        if parts.extensions.get::<Local>().is_none() {
            let message = "snapshots, restores and checks are for the user of the server alone; use \
                           `sembla index snapshot`, `restore` and `check` on its machine";
            return Err(HttpError::new(ErrorKind::Index(IndexErrorKind::Unsupported), message));
        }
        Ok(Self { app: app.clone(), store: app.embedded()? })
    }
}

/// Writes an index into a new folder, while it goes on being used.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/snapshot", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = SnapshotFolder,
    responses((status = 200, description = "The folder is complete and on the disk", body = Done), SemblaErrors)
)]
pub(crate) async fn snapshot(
    owned: Owned,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<SnapshotFolder>,
) -> Result<Response<Body>, HttpError> {
    let folder = absolute(request)?;
    owned.store.snapshot(&dialect::index_name(name)?, &folder).await?;
    Ok(respond::json(&Done {}))
}

/// Makes a new index of a snapshot, which is checked whole before.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/restore", tag = "Indexes",
    params(("name" = String, Path, description = "The name of the new index")),
    request_body = SnapshotFolder,
    responses((status = 200, description = "The new index", body = Index), SemblaErrors)
)]
pub(crate) async fn restore(
    owned: Owned,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<SnapshotFolder>,
) -> Result<Response<Body>, HttpError> {
    let (folder, name) = (absolute(request)?, dialect::index_name(name)?);
    owned.store.restore(&folder, &name).await?;
    let restored = owned.app.indexes()?.describe_index(&name).await?;
    Ok(respond::json(&dialect::index(restored)))
}

/// Reads a whole index and says what is wrong in it.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/check", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    responses((status = 200, description = "What was read and what is wrong", body = CheckReport), SemblaErrors)
)]
pub(crate) async fn check(
    owned: Owned,
    Names(name): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let found = owned.store.check(&dialect::index_name(name)?).await?;
    Ok(respond::json(&CheckReport {
        num_records: found.num_records,
        num_blocks: found.num_blocks,
        problems: found.problems,
    }))
}

/// The server's working folder is not the client's.
fn absolute(request: SnapshotFolder) -> Result<PathBuf, HttpError> {
    if Path::new(&request.path).is_absolute() {
        return Ok(PathBuf::from(request.path));
    }
    Err(dialect::bad_field("path", "the folder must be an absolute path"))
}
