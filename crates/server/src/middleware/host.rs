//! Refuses a request that names several hosts, as RFC 9112 asks (section 3.2): what stands before this
//! server may go by one of them and `middleware::guard` by another.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse as _;

use crate::error::{ErrorKind, HttpError};

/// Lets a request through that has one header `Host`, or none.
pub(crate) async fn refuse_several_hosts(request: Request, next: Next) -> Response<Body> {
    match check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(err) => err.into_response(),
    }
}

/// Checks that there is one header `Host`, or none.
///
/// # Errors
///
/// If there are several.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), HttpError> {
    if headers.get_all(header::HOST).iter().count() <= 1 {
        return Ok(());
    }
    let message = "the request has several headers Host; send one";
    Err(HttpError::new(ErrorKind::BadHost, message))
}
