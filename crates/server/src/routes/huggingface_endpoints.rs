//! Hugging Face's Inference Endpoints: `/v2/endpoint/…`, `/v2/provider/…`, and the `whoami-v2` of the Hub.

mod look;
mod who;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use endpoints::{PausedBy, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::huggingface_endpoints::{CreateRequest, Endpoint, UpdateRequest};

use super::errors::EndpointErrors;
use crate::App;
use crate::address::BaseUrl;
use crate::body::JsonBody;
use crate::dialects::huggingface_endpoints as dialect;
use crate::error::HttpError;
use crate::path::Names;
use crate::respond;
use crate::steward::Steward;

/// Adds the routes.
pub(crate) fn add_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .routes(routes!(create, look::list))
        .routes(routes!(look::show, update, delete))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(scale_to_zero))
        .routes(routes!(look::logs))
        .routes(routes!(look::replicas))
        .routes(routes!(who::hardware))
        .routes(routes!(who::all_hardware))
        .routes(routes!(who::who_am_i))
}

/// Creates an endpoint, which begins to start at least one replica.
///
/// Vendor, accelerator and instance type are labels with a price: it runs on what the machine has.
/// `compute.budget` in dollars and `compute.timeToLive` in minutes, which the vendor does not have, pause
/// it when they are over.
#[utoipa::path(
    post, path = "/v2/endpoint/{namespace}", tag = "Endpoints",
    params(("namespace" = String, Path, description = "Whose it will be")),
    request_body = CreateRequest,
    responses((status = 202, description = "The endpoint", body = Endpoint), EndpointErrors)
)]
pub(crate) async fn create(
    steward: Steward,
    url: BaseUrl,
    Names(namespace): Names<String>,
    JsonBody(request): JsonBody<CreateRequest>,
) -> Result<Response<Body>, HttpError> {
    let namespace = steward.may(Scope::Admin, &namespace)?;
    let wanted = dialect::wanted(request, &steward.name())?;
    steward.may_name(wanted.spec.source())?;
    let created = steward.control().create(namespace, wanted.name, wanted.spec).await?;
    let mut response = respond::json(&dialect::endpoint(&created, &url));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// Changes the fields of an endpoint that are sent, at every depth; null leaves one as it is.
///
/// What is in a replica needs new ones: they take over when they are ready and their embeddings agree. A
/// change of scaling alone restarts nothing.
#[utoipa::path(
    put, path = "/v2/endpoint/{namespace}/{endpoint}", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    request_body = UpdateRequest,
    responses((status = 200, description = "The endpoint", body = Endpoint), EndpointErrors)
)]
pub(crate) async fn update(
    steward: Steward,
    url: BaseUrl,
    Names((namespace, name)): Names<(String, String)>,
    JsonBody(request): JsonBody<UpdateRequest>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Admin, &namespace)?;
    let change = |spec: &endpoints::Spec| {
        let changed = dialect::changed(request.clone(), spec, &name)?;
        // Whoever scales an endpoint names nothing.
        if changed.source() != spec.source() {
            steward.may_name(changed.source())?;
        }
        Ok::<_, HttpError>(changed)
    };
    let updated = steward.control().update(&namespace, &name, change).await?;
    Ok(respond::json(&dialect::endpoint(&updated, &url)))
}

/// Deletes an endpoint. It is gone at once; its replicas finish what they have.
#[utoipa::path(
    delete, path = "/v2/endpoint/{namespace}/{endpoint}", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 202, description = "It is gone"), EndpointErrors)
)]
pub(crate) async fn delete(
    steward: Steward,
    Names((namespace, name)): Names<(String, String)>,
) -> Result<StatusCode, HttpError> {
    steward.may(Scope::Admin, &namespace)?;
    steward.control().delete(&namespace, &name).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Stops an endpoint until somebody resumes it. Its requests are refused.
#[utoipa::path(
    post, path = "/v2/endpoint/{namespace}/{endpoint}/pause", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "The endpoint", body = Endpoint), EndpointErrors)
)]
pub(crate) async fn pause(
    steward: Steward,
    url: BaseUrl,
    Names((namespace, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Admin, &namespace)?;
    let by = PausedBy::User(steward.name());
    let paused = steward.control().pause(&namespace, &name, by).await?;
    Ok(respond::json(&dialect::endpoint(&paused, &url)))
}

/// Runs an endpoint that is paused, sleeps or has failed.
#[utoipa::path(
    post, path = "/v2/endpoint/{namespace}/{endpoint}/resume", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "The endpoint", body = Endpoint), EndpointErrors)
)]
pub(crate) async fn resume(
    steward: Steward,
    url: BaseUrl,
    Names((namespace, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Admin, &namespace)?;
    let resumed = steward.control().resume(&namespace, &name).await?;
    Ok(respond::json(&dialect::endpoint(&resumed, &url)))
}

/// Stops an endpoint until its next request.
#[utoipa::path(
    post, path = "/v2/endpoint/{namespace}/{endpoint}/scale-to-zero", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "The endpoint", body = Endpoint), EndpointErrors)
)]
pub(crate) async fn scale_to_zero(
    steward: Steward,
    url: BaseUrl,
    Names((namespace, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Admin, &namespace)?;
    let scaled = steward.control().scale_to_zero(&namespace, &name, steward.name()).await?;
    Ok(respond::json(&dialect::endpoint(&scaled, &url)))
}
