//! One request over the socket of a data directory, and its answer.

use std::path::Path;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;

use super::error::OwnerError;
use super::socket;
use crate::one_request::{self, Broken};

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The socket cannot be used.
    #[error(transparent)]
    Socket(#[from] OwnerError),
    /// The server has ended since it was last asked.
    #[error("the server does not listen any more")]
    Gone,
    /// What was to be sent is no JSON.
    #[error(transparent)]
    Body(#[from] serde_json::Error),
    /// What was to be sent is no request.
    #[error(transparent)]
    Request(#[from] hyper::http::Error),
    /// The connection ended before the answer did.
    #[error(transparent)]
    Connection(Broken),
}

/// Asks the server of a data directory.
///
/// # Errors
///
/// [`ExchangeError`] if there is no answer; a refusal is an answer.
pub(super) async fn exchange(
    dir: &Path,
    method: Method,
    uri: &str,
    body: Option<&impl Serialize>,
) -> Result<(StatusCode, Bytes), ExchangeError> {
    let request = request(method, uri, body)?;
    let stream = socket::connect(dir).await?.ok_or(ExchangeError::Gone)?;
    let answered = one_request::exchange(stream, request, usize::MAX).await;
    answered.map_err(ExchangeError::Connection)
}

fn request(
    method: Method,
    uri: &str,
    body: Option<&impl Serialize>,
) -> Result<Request<Full<Bytes>>, ExchangeError> {
    let mut request = Request::builder().method(method).uri(uri).header("host", "localhost");
    let body = match body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            serde_json::to_vec(body)?
        }
        None => Vec::new(),
    };
    Ok(request.body(Full::new(Bytes::from(body)))?)
}
