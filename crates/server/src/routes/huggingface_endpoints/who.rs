//! Who asks, and what there is to run endpoints on.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Response;
use endpoints::Scope;
use wire::huggingface_endpoints::{HardwareList, WhoAmI};

use crate::dialects::huggingface_endpoints as dialect;
use crate::error::HttpError;
use crate::path::Names;
use crate::respond;
use crate::routes::errors::EndpointErrors;
use crate::steward::Steward;

/// Tells a client its namespace: that of its key, or the server's.
#[utoipa::path(
    get, path = "/api/whoami-v2", tag = "Endpoints",
    responses((status = 200, description = "Who asks", body = WhoAmI), EndpointErrors)
)]
pub(crate) async fn who_am_i(steward: Steward) -> Response<Body> {
    let own = match steward.bound_to() {
        Some(namespace) => namespace.to_string(),
        None => steward.default_namespace().to_owned(),
    };
    let others = if steward.bound_to().is_none() && steward.may_everywhere(Scope::Read).is_ok() {
        let all = steward.control().list_all();
        all.iter().map(|endpoint| endpoint.record.namespace.to_string()).collect()
    } else {
        BTreeSet::new()
    };
    let role = if steward.may_in_own(Scope::Admin).is_ok() { "write" } else { "read" };
    respond::json(&dialect::who_am_i(own, others, role, &steward.name()))
}

/// Lists the instance types that have a price. They are labels: all run on this machine.
#[utoipa::path(
    get, path = "/v2/provider/{namespace}", tag = "Endpoints",
    params(("namespace" = String, Path, description = "Who asks")),
    responses((status = 200, description = "The types", body = HardwareList), EndpointErrors)
)]
pub(crate) async fn hardware(
    steward: Steward,
    Names(namespace): Names<String>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Read, &namespace)?;
    Ok(respond::json(&dialect::hardware(steward.control().prices())))
}

/// Lists the instance types that have a price, whoever asks.
#[utoipa::path(
    get, path = "/v2/provider", tag = "Endpoints",
    responses((status = 200, description = "The types", body = HardwareList), EndpointErrors)
)]
pub(crate) async fn all_hardware(steward: Steward) -> Result<Response<Body>, HttpError> {
    steward.may_in_own(Scope::Read)?;
    Ok(respond::json(&dialect::hardware(steward.control().prices())))
}
