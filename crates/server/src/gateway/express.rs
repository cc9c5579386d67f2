//! The way of a request round the router: what stands around all routes, as plain calls.
//!
//! The router's layers are boxed, one in another, and copied for each request. Between two passes of a model
//! all of them have left the caches of the processor, so that they cost the gateway more than its own work.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use tower_http::request_id::{MakeRequestId as _, RequestId};
use tracing::Instrument as _;

use super::serve;
use crate::App;
use crate::dialects::Dialect;
use crate::error::HttpError;
use crate::middleware::observe::RequestIds;
use crate::middleware::{host, leftover, observe, shape};

const PREFIX: &str = "/serve/";

/// What requests are counted under, as the router has it.
const ROUTE: &str = "/serve/{namespace}/{endpoint}/{*rest}";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns whether a request needs none of the router: it is for an endpoint, and of no web page.
pub(crate) fn takes<B>(request: &axum::http::Request<B>) -> bool {
    request.method() == Method::POST
        && request.uri().path().starts_with(PREFIX)
        && !request.headers().contains_key(header::ORIGIN)
}

/// Answers such a request as the router would.
pub(crate) async fn answer(app: &App, ids: &RequestIds, mut request: Request) -> Response<Body> {
    let began = Instant::now();
    let in_flight = app.metrics().in_flight();
    let id = take_id(ids, &mut request);
    let uri = request.uri().clone();
    // Made for those who look: a span for each request is written down, whether anything is logged in it or not.
    let span = tracing::debug_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = "POST",
        path = uri.path()
    );
    let run = leftover::around(app, request, |request| shaped(app, request, (&id, &uri)));
    let mut response = run.instrument(span.clone()).await;
    let status = response.status();
    if status == StatusCode::OK {
        app.metrics().count_served(ROUTE);
    } else {
        app.metrics().count_response("POST", ROUTE, status.as_u16());
    }
    span.in_scope(|| {
        let elapsed_us = began.elapsed().as_micros() as u64;
        tracing::debug!(status = status.as_u16(), elapsed_us, "answered");
    });
    response.headers_mut().insert(REQUEST_ID, id);
    observe::hold(response, in_flight)
}

// Whoever sent one looks for it in the answer; a replica has it from the header.
fn take_id(ids: &RequestIds, request: &mut Request) -> HeaderValue {
    if let Some(id) = request.headers().get(REQUEST_ID) {
        return id.clone();
    }
    let id = ids.clone().make_request_id(request).map(RequestId::into_header_value);
    let id = id.expect("the server makes an id for any request");
    request.headers_mut().insert(REQUEST_ID, id.clone());
    id
}

async fn shaped(app: &App, request: Request, (id, uri): (&HeaderValue, &Uri)) -> Response<Body> {
    let mut response = checked(app, request).await;
    if response.extensions().get::<HttpError>().is_some() {
        let (id, path) = (id.to_str().unwrap_or_default(), uri.path());
        let span = tracing::info_span!("request", id, method = "POST", path);
        span.in_scope(|| shape::finish(&mut response, Dialect::of_path(path), id));
    }
    response
}

async fn checked(app: &App, request: Request) -> Response<Body> {
    if let Err(err) = host::check(request.headers()) {
        return err.into_response();
    }
    // As the layer does: nothing of the request is looked at afterwards.
    match AssertUnwindSafe(serve(app, request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => shape::panicked(panic),
    }
}
