//! SageMaker's runtime: a request for a variant, sent on to the endpoint behind it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse as _;
use endpoints::Scope;
use http_body_util::{BodyExt as _, Limited};
use wire::sagemaker::ErrorBody;

use super::super::errors::SagemakerErrors;
use crate::App;
use crate::asker::Asker;
use crate::aws::{self, ERROR_TYPE};
use crate::dialects::sagemaker as dialect;
use crate::echo;
use crate::endpoint_error::{EndpointErrorKind, error, no_endpoints};
use crate::error::{ErrorKind, HttpError};
use crate::gateway::{self, Asked, Target};
use crate::middleware::auth;
use crate::path::Names;
use crate::respond;
use crate::sagemaker::Sagemaker;

const TARGET_VARIANT: &str = "x-amzn-sagemaker-target-variant";
const INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");

/// What an endpoint's one variant is called by the vendor's SDK.
const ONLY_VARIANT: &str = "AllTraffic";

/// AWS's clients wait a minute for an answer: whoever is told before that can come again.
const LONGEST_WAIT: Duration = Duration::from_secs(50);

/// Of a model's own error so much is repeated.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// Sends a request on to a variant of an endpoint: the one that `X-Amzn-SageMaker-Target-Variant` names, or one
/// by their weights. An endpoint that was not made by SageMaker's calls can be asked here, too.
#[utoipa::path(
    post, path = "/endpoints/{endpoint}/invocations", tag = "SageMaker",
    params(("endpoint" = String, Path, description = "Its name")),
    request_body = serde_json::Value,
    responses((status = 200, description = "As the model answers `/invocations`", body = serde_json::Value), SagemakerErrors)
)]
pub(crate) async fn invoke(
    State(app): State<App>,
    Names(name): Names<String>,
    request: Request,
) -> Response<Body> {
    match answer(&app, &name, request).await {
        Ok(response) => response,
        Err(err) => auth::refuse(err),
    }
}

async fn answer(app: &App, name: &str, request: Request) -> Result<Response<Body>, HttpError> {
    let plane = app.control_plane().ok_or_else(no_endpoints)?;
    let (parts, body) = request.into_parts();
    let (asker, body) = identify(app, &parts, body).await?;
    let sagemaker = Sagemaker::of(plane);
    let (endpoint, variant) = chosen(&sagemaker, name, &parts)?;
    let target = Target {
        namespace: &plane.settings().default_namespace,
        name: &endpoint,
        rest: "/invocations",
        query: None,
    };
    asker.may(Scope::Invoke, Some(&target.namespace.parse()?))?;
    let patience = plane.settings().hold_limit.min(LONGEST_WAIT);
    let asked = Asked { target, asker: Ok(asker), parts, body, patience };
    let mut response = gateway::forward(app, asked).await?;
    if !response.status().is_success() {
        response = in_vendors_words(response, name).await;
    }
    if let Ok(variant) = HeaderValue::try_from(variant) {
        response.headers_mut().insert(INVOKED_VARIANT, variant);
    }
    Ok(response)
}

// A signature is also one of the body, which has to be there then.
async fn identify(app: &App, parts: &Parts, body: Body) -> Result<(Asker, Body), HttpError> {
    if !aws::is_about_body(app, parts) {
        return Ok((aws::identify(app, parts, b"")?, body));
    }
    let request = Request::from_parts(parts.clone(), body);
    let taken = app.body_limits().take(request).await?;
    let asker = aws::identify(app, parts, &taken.bytes)?;
    Ok((asker, Body::from(taken.bytes)))
}

/// Returns the endpoint of the control plane that a request is for, and what its variant is called.
fn chosen(sagemaker: &Sagemaker, name: &str, parts: &Parts) -> Result<(String, String), HttpError> {
    let Ok(deployment) = sagemaker.deployment(name) else {
        if sagemaker.is_endpoint(name) {
            return Ok((name.to_owned(), ONLY_VARIANT.to_owned()));
        }
        let message = format!(
            "there is no endpoint `{}`; ListEndpoints says which there are",
            echo::shorten(name.to_owned())
        );
        return Err(error(EndpointErrorKind::UnknownEndpoint, message));
    };
    let named = parts.headers.get(TARGET_VARIANT).and_then(|value| value.to_str().ok());
    let variant = deployment.pick(named)?;
    if let Some(why) = variant.refusal() {
        let message = format!("variant `{}` of endpoint `{name}` failed: {why}", variant.name());
        return Err(error(EndpointErrorKind::GivenUp, message));
    }
    let Some(endpoint) = variant.endpoint() else {
        let message = format!(
            "variant `{}` of endpoint `{name}` is being created; wait until the endpoint is InService",
            variant.name()
        );
        return Err(error(EndpointErrorKind::Waking, message));
    };
    Ok((endpoint.to_owned(), variant.name().to_owned()))
}

/// Makes the error of a model one of the vendor's: 424 with what the model said.
async fn in_vendors_words(response: Response<Body>, name: &str) -> Response<Body> {
    let original = response.status();
    if original == StatusCode::TOO_MANY_REQUESTS || original == StatusCode::SERVICE_UNAVAILABLE {
        // Clients repeat this one by themselves.
        let message = format!("endpoint `{name}` has too much to do; try again");
        return HttpError::new(ErrorKind::Overloaded, message).into_response();
    }
    let said = Limited::new(response.into_body(), MAX_ERROR_BYTES).collect().await;
    let said = said.map(|said| String::from_utf8_lossy(&said.to_bytes()).into_owned());
    let said = said.unwrap_or_else(|_| "an answer that is too long to repeat".to_owned());
    let who = if original.is_client_error() { "client" } else { "server" };
    let message = format!(
        "Received {who} error ({}) from the model of endpoint `{name}` with message \"{said}\"",
        original.as_u16()
    );
    let body = ErrorBody {
        message,
        original_status_code: Some(original.as_u16()),
        original_message: Some(said),
    };
    let mut response = respond::json(&body);
    *response.status_mut() = StatusCode::FAILED_DEPENDENCY;
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(dialect::MODEL_ERROR));
    response
}
