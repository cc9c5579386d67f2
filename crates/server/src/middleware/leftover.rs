//! Reads what a handler left of a body, before its answer is sent.
//!
//! Most clients read no answer before they have sent everything. Were the connection closed on
//! them, they would see that it was reset and never learn that a key was wrong or a body too large.
//! Of a body that says itself that it is too large, the answer does not wait for the rest.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use axum::middleware::Next;
use http_body::{Frame, SizeHint};

use crate::App;

/// Takes and throws away what is left of the request's body, within the bounds of bodies.
pub(crate) async fn take_leftover(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response<Body> {
    around(&app, request, |request| next.run(request)).await
}

/// The same around anything that answers requests.
pub(crate) async fn around<F: Future<Output = Response<Body>>>(
    app: &App,
    request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response<Body> {
    // A client that asks first has sent nothing, and must not be told to go on.
    if request.headers().contains_key(header::EXPECT) || is_over(request.body()) {
        return run(request).await;
    }
    let is_too_large = app.body_limits().says_too_large(request.headers());
    let leftover = Leftover::default();
    let taken = leftover.clone();
    let request = request.map(|body| Body::new(Returning { body, leftover }));
    let response = run(request).await;
    // One that is too slow has been waited for already.
    if response.status() != StatusCode::REQUEST_TIMEOUT
        && let Some(body) = taken.take()
    {
        let limits = app.body_limits().clone();
        let discarding = async move { limits.discard(body).await };
        if is_too_large {
            // Ends with its connection, which gives it data and ends the body when it is closed.
            tokio::spawn(discarding);
        } else {
            discarding.await;
        }
    }
    response
}

fn is_over(body: &Body) -> bool {
    http_body::Body::is_end_stream(body)
}

// Where a body goes when its reader is through with it.
#[derive(Clone, Default)]
struct Leftover(Arc<Mutex<Option<Body>>>);

impl Leftover {
    fn put(&self, body: Body) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }

    fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Returning {
    body: Body,
    leftover: Leftover,
}

impl http_body::Body for Returning {
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

impl Drop for Returning {
    fn drop(&mut self) {
        if !is_over(&self.body) {
            self.leftover.put(std::mem::take(&mut self.body));
        }
    }
}
