//! One span and one count for each request of any route.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Response};
use axum::middleware::Next;
use http_body::{Frame, SizeHint};
use tower_http::request_id::{MakeRequestId, RequestId};
use tracing::Instrument as _;

use crate::App;
use crate::metrics::InFlight;

/// Counts the answer and logs it within a span that carries the request's id.
pub(crate) async fn observe(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let began = Instant::now();
    let in_flight = app.metrics().in_flight();
    let method = request.method().clone();
    // Not the path itself, which anyone can make up: each one would be a series of its own.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        id = request_id(&request),
        %method,
        path = request.uri().path(),
    );
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    app.metrics().count_response(known_method(method.as_str()), route, status);
    let _entered = span.enter();
    tracing::debug!(status, elapsed_us = began.elapsed().as_micros() as u64, "answered");
    hold(response, in_flight)
}

/// Lets an answer count as in flight until its client has taken all of it.
pub(crate) fn hold(response: Response<Body>, in_flight: InFlight) -> Response<Body> {
    response.map(|body| Body::new(Held { body, _in_flight: in_flight }))
}

// A request is in flight until its client has taken the whole answer.
struct Held {
    body: Body,
    _in_flight: InFlight,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns the id that the request came with or was given.
pub(crate) fn request_id(request: &Request) -> &str {
    let id = request.extensions().get::<RequestId>();
    id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default()
}

// A method too is what the client makes up.
fn known_method(method: &str) -> &str {
    match method {
        "GET" | "POST" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "PATCH" => method,
        _ => "other",
    }
}

/// Makes ids for requests that come without one: a counter behind a hash with a key of this
/// process, so that ids of two processes differ.
#[derive(Clone, Default)]
pub(crate) struct RequestIds {
    hash: RandomState,
    next: Arc<AtomicU64>,
}

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}", self.hash.hash_one(number));
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_between_requests_and_processes() {
        let request = axum::http::Request::new(());
        let (mut one, mut other) = (RequestIds::default(), RequestIds::default());
        let make = |ids: &mut RequestIds| {
            let id = ids.make_request_id(&request).unwrap();
            id.header_value().to_str().unwrap().to_owned()
        };
        let ids = [make(&mut one), make(&mut one), make(&mut other)];
        assert!(ids.iter().all(|id| id.len() == 16), "{ids:?}");
        assert!(ids[0] != ids[1] && ids[0] != ids[2], "{ids:?}");
    }
}
