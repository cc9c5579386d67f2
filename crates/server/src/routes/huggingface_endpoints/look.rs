//! What there is to see of endpoints: one, all, what their replicas wrote, and the replicas.

use axum::body::Body;
use axum::http::Response;
use endpoints::Scope;
use wire::huggingface_endpoints::{Endpoint, EndpointList, LogList, ReplicaList};

use crate::address::BaseUrl;
use crate::dialects::huggingface_endpoints as dialect;
use crate::error::HttpError;
use crate::path::Names;
use crate::query_string::Parameters;
use crate::respond;
use crate::routes::errors::EndpointErrors;
use crate::steward::Steward;

/// Lists the endpoints of a namespace by name.
#[utoipa::path(
    get, path = "/v2/endpoint/{namespace}", tag = "Endpoints",
    params(("namespace" = String, Path, description = "Whose")),
    responses((status = 200, description = "The endpoints", body = EndpointList), EndpointErrors)
)]
pub(crate) async fn list(
    steward: Steward,
    url: BaseUrl,
    Names(namespace): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let namespace = steward.may(Scope::Read, &namespace)?;
    let endpoints = steward.control().list(&namespace);
    let items = endpoints.iter().map(|endpoint| dialect::endpoint(endpoint, &url)).collect();
    Ok(respond::json(&EndpointList { items }))
}

/// Shows an endpoint.
#[utoipa::path(
    get, path = "/v2/endpoint/{namespace}/{endpoint}", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "The endpoint", body = Endpoint), EndpointErrors)
)]
pub(crate) async fn show(
    steward: Steward,
    url: BaseUrl,
    Names((namespace, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Read, &namespace)?;
    let endpoint = steward.control().get(&namespace, &name)?;
    Ok(respond::json(&dialect::endpoint(&endpoint, &url)))
}

/// Shows the last lines that the replicas of an endpoint wrote, oldest first.
#[utoipa::path(
    get, path = "/v2/endpoint/{namespace}/{endpoint}/logs", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name"),
        ("replica" = Option<String>, Query, description = "Of this replica alone"),
        ("tail" = Option<usize>, Query, description = "So many of the last lines; 1000 if absent"),
        ("line_max_length" = Option<usize>, Query, description = "The characters after which a line is cut"),
        ("follow" = Option<bool>, Query, description = "Read and not followed: what there is, is the answer")
    ),
    responses((status = 200, description = "The lines", body = LogList), EndpointErrors)
)]
pub(crate) async fn logs(
    steward: Steward,
    Names((namespace, name)): Names<(String, String)>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Read, &namespace)?;
    let query = dialect::logs_query(&parameters)?;
    let lines = steward.control().logs(&namespace, &name, dialect::lines_to_read(&query)).await?;
    Ok(respond::json(&dialect::logs(&name, lines, &query)))
}

/// Lists the replicas of an endpoint.
#[utoipa::path(
    get, path = "/v2/endpoint/{namespace}/{endpoint}/replica", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "The replicas", body = ReplicaList), EndpointErrors)
)]
pub(crate) async fn replicas(
    steward: Steward,
    Names((namespace, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Read, &namespace)?;
    let replicas = steward.control().replicas(&namespace, &name).await?;
    Ok(respond::json(&dialect::replicas(&name, &replicas)))
}
