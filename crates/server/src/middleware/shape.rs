//! Gives every error the status and the JSON of the dialect whose route was called.

use std::any::Any;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::aws::ERROR_TYPE;
use crate::dialects::Dialect;
use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;
use crate::middleware::observe;

/// Writes the body of an answer that carries an [`HttpError`].
pub(crate) async fn shape_errors(request: Request, next: Next) -> Response<Body> {
    let of_path = Dialect::of_path(request.uri().path());
    let request_id = observe::request_id(&request).to_owned();
    let mut response = next.run(request).await;
    finish(&mut response, of_path, &request_id);
    response
}

/// Writes the body of an answer that carries an [`HttpError`], and logs what the operator should look into.
pub(crate) fn finish(response: &mut Response<Body>, of_path: Dialect, request_id: &str) {
    let Some(err) = response.extensions_mut().remove::<HttpError>() else { return };
    // A route may speak another dialect than its path says.
    let dialect = response.extensions_mut().remove::<Dialect>().unwrap_or(of_path);
    let (status, body) = dialect.render(&err, request_id);
    if is_ours(err.kind) {
        tracing::error!(kind = ?err.kind, message = err.message, "request failed");
    }
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // Of the empty body that this one takes the place of.
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, dialect.content_type());
    if let Some(error_type) = dialect.error_type(err.kind) {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    }
    if let Some(retry_after) = err.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
    }
    *response.body_mut() = Body::from(body);
}

// What the operator should look into.
fn is_ours(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ModelFailed
            | ErrorKind::Internal
            | ErrorKind::Index(IndexErrorKind::Failed)
            | ErrorKind::Endpoint(EndpointErrorKind::Failed | EndpointErrorKind::Unreachable)
    )
}

// Rounded up, and at least 1: a client that is told 0 comes back at once.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).max(1) as u64
}

/// Answers in place of a handler that panicked.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(panic = text, "handler panicked");
    let message = "the server failed on this request; its log says why under the x-request-id of \
                   this answer";
    HttpError::new(ErrorKind::Internal, message).into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use expect_test::expect;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn broken() {
        panic!("a secret of the server");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_the_dialect_and_tells_nothing() {
        let router = Router::new()
            .route("/v1/embeddings", post(broken))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(shape_errors));
        let request = Request::post("/v1/embeddings").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 500);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        expect![[r#"{"error":{"message":"the server failed on this request; its log says why under the x-request-id of this answer","type":"server_error","param":null,"code":null}}"#]].assert_eq(std::str::from_utf8(&body).unwrap());
    }

    #[test]
    fn a_retry_is_rounded_up_to_at_least_one_second() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(7)), 7);
    }
}
