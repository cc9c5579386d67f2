//! The way of a request round the router: what stands around all routes, as plain calls.
//!
//! The router's layers are boxed, one in another, and copied for each request. Between two passes of a model
//! all of them have left the caches of the processor, so that they cost the gateway more than its own work.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, Response, header};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use tower_http::request_id::{MakeRequestId as _, RequestId};

use super::serve;
use crate::App;
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
    let id = take_id(ids, &mut request);
    let observed = observe::around(app, ROUTE, request, |request| {
        leftover::around(app, request, |request| {
            shape::around(request, |request| checked(app, request))
        })
    });
    let mut response = observed.await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

// Whoever sent one looks for it in the answer.
fn take_id(ids: &RequestIds, request: &mut Request) -> HeaderValue {
    if let Some(id) = request.headers().get(REQUEST_ID).cloned() {
        request.extensions_mut().insert(RequestId::new(id.clone()));
        return id;
    }
    let id = ids.clone().make_request_id(request).map(RequestId::into_header_value);
    let id = id.expect("the server makes an id for any request");
    request.extensions_mut().insert(RequestId::new(id.clone()));
    request.headers_mut().insert(REQUEST_ID, id.clone());
    id
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
