//! SageMaker: `/endpoints/{name}/invocations` of its runtime, and the calls of its control plane, with those
//! of STS and IAM that its SDK makes first.

mod actions;
mod forms;
mod invoke;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, header};
use axum::response::IntoResponse;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::actions::Call;
use super::errors::SagemakerErrors;
use crate::App;
use crate::aws;
use crate::body::RawBody;
use crate::dialects::Dialect;
use crate::endpoint_error::no_endpoints;
use crate::error::HttpError;
use crate::middleware::observe;
use crate::sagemaker::Sagemaker;

/// Adds the routes of the control plane.
pub(crate) fn add_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router.routes(routes!(call))
}

/// Adds the routes to models.
pub(crate) fn add_runtime_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router.routes(routes!(invoke::invoke))
}

/// Where AWS's clients look for the id of their request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A call of SageMaker's control plane, which its header `X-Amz-Target` names; or of STS or IAM, as a form.
///
/// Clients send these to `/`, and may send them here.
#[utoipa::path(
    post, path = "/aws", tag = "SageMaker",
    request_body = Value,
    responses((status = 200, description = "As the vendor's service model has it", body = Value), SagemakerErrors)
)]
pub(crate) async fn call(State(app): State<App>, request: Request) -> Response<Body> {
    let id = observe::request_id(&request).to_owned();
    let (parts, body) = request.into_parts();
    let target = parts.headers.get(aws::TARGET).cloned();
    let body = app.body_limits().take(Request::from_parts(parts.clone(), body)).await;
    let mut response = match target {
        Some(target) => match answer(&app, &parts, &target, body).await {
            Ok(answer) => json(&answer),
            Err(err) => err.into_response(),
        },
        None => match forms::answer(&app, &parts, body, &id) {
            Ok(xml) => ([(header::CONTENT_TYPE, "text/xml")], xml).into_response(),
            Err(err) => {
                let mut response = err.into_response();
                response.extensions_mut().insert(Dialect::AwsForm);
                response
            }
        },
    };
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn answer(
    app: &App,
    parts: &Parts,
    target: &HeaderValue,
    body: Result<RawBody, HttpError>,
) -> Result<Value, HttpError> {
    let body = body?;
    let plane = app.control_plane().ok_or_else(no_endpoints)?;
    let asker = aws::identify(app, parts, &body.bytes)?;
    let region = aws::region(parts);
    let call =
        Call { sagemaker: Sagemaker::of(plane), plane, asker: &asker, parts, region: &region };
    call.answer(target, &body.bytes).await
}

fn json(answer: &Value) -> Response<Body> {
    // What an empty answer is in JSON 1.1.
    let body = if answer.is_null() { Vec::new() } else { answer.to_string().into_bytes() };
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body).into_response()
}
