//! A replica's answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Response};
use bytes::Bytes;
use endpoints::InFlight;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::deliver::{Delivered, Line};
use super::headers;

/// How many tokens a replica computed.
const COMPUTE_TOKENS: HeaderName = HeaderName::from_static("x-compute-tokens");

/// Makes a replica's answer that of the gateway. Its request counts as used with the tokens that the
/// replica reports, else with the estimate if it succeeded; a probe does not count.
pub(super) fn pass_on(delivered: Delivered, estimate: u64, is_probe: bool) -> Response<Body> {
    let Delivered { response, line, in_flight } = delivered;
    let (mut parts, body) = response.into_parts();
    headers::strip_answer(&mut parts.headers);
    let otherwise = if parts.status.is_success() { estimate } else { 0 };
    let tokens = reported(&parts.headers).unwrap_or(otherwise);
    let tokens = (!is_probe).then_some(tokens);
    // What was refused at once says nothing of how long the others wait.
    if !is_probe && parts.status.is_success() {
        in_flight.answer_begins();
    }
    let on_the_way = Some((line, in_flight));
    Response::from_parts(parts, Body::new(Answering { body, on_the_way, tokens }))
}

fn reported(headers: &HeaderMap) -> Option<u64> {
    headers.get(COMPUTE_TOKENS)?.to_str().ok()?.parse().ok()
}

/// An answer, whose request is in flight until it is over. The replica has done its work by its first
/// byte, so that the request counts as used even if the client takes no more of it.
struct Answering {
    body: Incoming,
    on_the_way: Option<(Line, InFlight)>,
    tokens: Option<u64>,
}

impl Answering {
    fn end(&mut self) {
        let Some((line, in_flight)) = self.on_the_way.take() else { return };
        line.keep();
        if let Some(tokens) = self.tokens {
            in_flight.answered(tokens);
        }
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, on_the_way, .. } = &mut *self;
        let Some((line, _)) = on_the_way else { return Poll::Ready(None) };
        let frame = ready!(line.connection.poll_body(body, context));
        if frame.is_none() {
            self.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.end();
    }
}
