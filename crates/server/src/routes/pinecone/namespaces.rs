//! Namespaces of an index, which are there as long as they hold anything.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use index::{Namespace, NamespaceStats, Selection};
use serde_json::json;
use wire::pinecone::{NamespaceDescription, NamespaceList, Pagination};

use super::on_index::{OnIndex, with_seen_lsn, with_written_lsn};
use super::vectors::require_namespace;
use crate::dialects::pinecone::DEFAULT_NAMESPACE;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;
use crate::path::Names;
use crate::query_string::Parameters;
use crate::respond;
use crate::routes::errors::PineconeDataErrors;

/// Namespaces of a page where the request does not say.
const PAGE: usize = 100;

/// Lists the namespaces of an index, page by page, by name.
#[utoipa::path(
    get, path = "/namespaces", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("prefix" = Option<String>, Query, description = "Only names that begin with this"),
        ("limit" = Option<usize>, Query, description = "Names of a page; 100 where this is absent"),
        ("paginationToken" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page of namespaces", body = NamespaceList), PineconeDataErrors)
)]
pub(crate) async fn list_namespaces(
    index: OnIndex,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    let stats = index.store.stats(&index.name, None).await?;
    let mut namespaces: Vec<NamespaceDescription> =
        stats.namespaces.iter().map(description).collect();
    if let Some(prefix) = parameters.get("prefix") {
        namespaces.retain(|namespace| namespace.name.starts_with(prefix));
    }
    namespaces.sort_by(|a, b| a.name.cmp(&b.name));
    let total_count = namespaces.len();
    if let Some(after) = parameters.get("paginationToken") {
        namespaces.retain(|namespace| namespace.name.as_str() > after);
    }
    let limit = parameters.limit(PAGE)?;
    let next = (namespaces.len() > limit).then(|| namespaces[limit - 1].name.clone());
    namespaces.truncate(limit);
    let pagination = next.map(|next| Pagination { next });
    let list = NamespaceList { namespaces, pagination, total_count };
    Ok(with_seen_lsn(respond::json(&list), stats.lsn))
}

/// Answers that a namespace begins with its first record.
#[utoipa::path(
    post, path = "/namespaces", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    responses(PineconeDataErrors)
)]
pub(crate) async fn create_namespace() -> HttpError {
    let message = "a namespace begins with its first record and has no schema; upsert into it";
    HttpError::new(ErrorKind::Index(IndexErrorKind::Unsupported), message)
}

/// Describes a namespace.
#[utoipa::path(
    get, path = "/namespaces/{namespace}", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("namespace" = String, Path, description = "Name of a namespace")
    ),
    responses((status = 200, description = "The namespace", body = NamespaceDescription), PineconeDataErrors)
)]
pub(crate) async fn describe_namespace(
    index: OnIndex,
    Names((_, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let namespace = Namespace::new(name);
    let num_records = require_namespace(&index, &namespace).await?;
    Ok(respond::json(&description(&NamespaceStats { namespace, num_records })))
}

/// Deletes a namespace with all that it holds.
#[utoipa::path(
    delete, path = "/namespaces/{namespace}", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("namespace" = String, Path, description = "Name of a namespace")
    ),
    responses((status = 202, description = "It is gone"), PineconeDataErrors)
)]
pub(crate) async fn delete_namespace(
    index: OnIndex,
    Names((_, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let namespace = Namespace::new(name);
    require_namespace(&index, &namespace).await?;
    let written = index.store.delete(&index.name, &namespace, &Selection::All).await?;
    let mut response = respond::json(&json!({}));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(with_written_lsn(response, written.lsn))
}

fn description(stats: &NamespaceStats) -> NamespaceDescription {
    let name = stats.namespace.as_str();
    let name = if name.is_empty() { DEFAULT_NAMESPACE } else { name };
    NamespaceDescription { name: name.to_owned(), record_count: stats.num_records }
}
