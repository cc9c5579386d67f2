//! `/serve/{namespace}/{name}/…`: sends requests on to a ready replica of an endpoint.
//!
//! A request waits here until a replica is ready. Its body is kept up to a size until the first byte of
//! the answer, so that a replica that dies costs its clients nothing but time. Nothing is read of bodies,
//! and nothing copied.
//!
//! Not here: starting replicas, choosing how many there are, the shape of answers.

mod access;
mod answer;
mod connection;
mod deliver;
mod express;
mod headers;
mod pool;
mod target;
mod upload;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response};
use endpoints::Watched;

use self::deliver::Delivery;
pub(crate) use self::express::{answer, takes};
pub(crate) use self::pool::Pool;
pub(crate) use self::target::Target;
use self::upload::Upload;
use crate::App;
use crate::asker::Asker;
use crate::control_plane::ControlPlane;
use crate::dialects::bad_field;
use crate::endpoint_error::{no_endpoints, unknown_endpoint};
use crate::error::HttpError;
use crate::middleware::auth;
use crate::routes::errors::GatewayErrors;

/// Sends a request on to an endpoint.
///
/// Waits for a replica if none is ready: as long as `X-Scale-Up-Timeout` says, in seconds, or as the
/// server was told. With 0 the answer is 503 at once, with the state and when a replica is expected; the
/// endpoint wakes all the same.
#[utoipa::path(
    method(get, head, post, put, patch, delete, options), path = "/serve/{namespace}/{endpoint}",
    tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "As the replica answers `/`"), GatewayErrors)
)]
pub(crate) async fn serve_root(State(app): State<App>, request: Request) -> Response<Body> {
    serve(&app, request).await
}

/// Sends a request on to a route of an endpoint's replicas, such as `/embed` or `/v1/embeddings`.
#[utoipa::path(
    method(get, head, post, put, patch, delete, options),
    path = "/serve/{namespace}/{endpoint}/{*rest}", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name"),
        ("rest" = String, Path, description = "The route of a replica")
    ),
    responses((status = 200, description = "As the replica answers"), GatewayErrors)
)]
pub(crate) async fn serve_rest(State(app): State<App>, request: Request) -> Response<Body> {
    serve(&app, request).await
}

async fn serve(app: &App, request: Request) -> Response<Body> {
    match send_on(app, request).await {
        Ok(response) => response,
        Err(err) => auth::refuse(err),
    }
}

/// Request bodies up to this size are kept until the first byte of the answer. What tutorials and bulk
/// jobs send fits in many times over.
const KEPT_BYTES: usize = 8_000_000;

/// About as many bytes of JSON make a token of English.
const BYTES_PER_TOKEN: u64 = 4;

async fn send_on(app: &App, request: Request) -> Result<Response<Body>, HttpError> {
    let plane = app.control_plane().ok_or_else(no_endpoints)?;
    let (parts, body) = request.into_parts();
    let uri = parts.uri.clone();
    let asker = Asker::identify(app, &parts.extensions, &parts.headers);
    let patience = plane.settings().hold_limit;
    forward(app, Asked { target: Target::of(&uri)?, asker, parts, body, patience }).await
}

/// A request that is for an endpoint.
pub(crate) struct Asked<'a> {
    /// For which one.
    pub(crate) target: Target<'a>,
    /// Who sent it.
    pub(crate) asker: Result<Asker, HttpError>,
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    /// How long it waits for a replica, if it does not say so itself.
    pub(crate) patience: Duration,
}

/// Sends a request on to an endpoint, whatever path it came by.
///
/// # Errors
///
/// If whoever sent it may not, or no replica took it. What a replica answers is no error.
pub(crate) async fn forward(app: &App, asked: Asked<'_>) -> Result<Response<Body>, HttpError> {
    let plane = app.control_plane().ok_or_else(no_endpoints)?;
    let Asked { target, asker, mut parts, body, patience } = asked;
    let watched = plane.control().watch(target.namespace, target.name);
    let view = watched.as_ref().map(Watched::view);
    let asker = access::check(asker, view.as_deref(), &target)?;
    let Some(mut watched) = watched else {
        return Err(unknown_endpoint(target.namespace, target.name));
    };
    let patience = asked_patience(&parts.headers)?.unwrap_or(patience);
    let is_probe = parts.method == Method::GET || parts.method == Method::HEAD;

    let announced = http_body::Body::size_hint(&body).exact();
    if let Some(num_bytes) = announced {
        take_tokens(plane, asker.as_ref(), num_bytes / BYTES_PER_TOKEN)?;
    }
    // Before its body is read: those that wait long take no memory. An update may have changed it meanwhile.
    let view = deliver::ready(app, &mut watched, patience).await;
    let view = view.map_err(|err| err.explained(target.namespace, target.name))?;
    let begun = app.body_limits().begin(&parts.headers, body, KEPT_BYTES).await?;
    let upload = Upload::new(begun);
    let tokens = announced.unwrap_or_else(|| upload.num_bytes()) / BYTES_PER_TOKEN;
    if announced.is_none() {
        take_tokens(plane, asker.as_ref(), tokens)?;
    }

    let uri = target.at_replica(&view, is_probe)?;
    headers::prepare(&mut parts.headers, &view);
    let key = asker.as_ref().and_then(Asker::key);
    let delivery = Delivery {
        app,
        method: parts.method,
        uri,
        headers: parts.headers,
        upload,
        usage: endpoints::Request { key, tokens },
        patience,
    };
    let delivered = delivery.deliver(&mut watched).await;
    let delivered = delivered.map_err(|err| err.explained(target.namespace, target.name))?;
    Ok(answer::pass_on(delivered, tokens, is_probe))
}

fn take_tokens(plane: &ControlPlane, asker: Option<&Asker>, tokens: u64) -> Result<(), HttpError> {
    match asker {
        // A probe has no tokens, and a key that has used up its own must not look like a dead endpoint.
        Some(asker) if tokens > 0 => asker.take(tokens, plane.control().moment()),
        Some(_) | None => Ok(()),
    }
}

/// Returns how long the client is willing to wait for a replica, if it says so.
fn asked_patience(headers: &HeaderMap) -> Result<Option<Duration>, HttpError> {
    let Some(value) = headers.get(headers::SCALE_UP_TIMEOUT) else { return Ok(None) };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    match seconds {
        Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
        None => Err(bad_field(
            "X-Scale-Up-Timeout",
            "it must be a whole number of seconds, and 0 for not waiting at all",
        )),
    }
}
