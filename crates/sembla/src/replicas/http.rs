//! The few requests that the control plane itself sends to a replica.

use std::path::Path;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::one_request;

/// What a replica did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody listens, or the connection broke.
    #[error("it does not answer: {reason}")]
    Broken {
        /// What the system said.
        reason: String,
    },
    /// It took too long.
    #[error("it did not answer within {} s", .limit.as_secs_f32())]
    Late {
        /// For how long.
        limit: Duration,
    },
    /// It refused.
    #[error("it answered {status}")]
    Status {
        /// With what.
        status: StatusCode,
    },
}

/// Health never waits behind a batch.
const HEALTH_LIMIT: Duration = Duration::from_secs(3);
/// A few texts behind a full queue.
const EMBED_LIMIT: Duration = Duration::from_secs(50);
/// Far more than a few embeddings take.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Asks a replica whether its model is loaded and answers.
pub(super) async fn health(socket: &Path) -> Result<(), CallError> {
    send(socket, Method::GET, "/health", Bytes::new(), HEALTH_LIMIT).await.map(drop)
}

/// Posts JSON and returns the JSON that comes back.
pub(super) async fn post(socket: &Path, path: &str, json: Bytes) -> Result<Bytes, CallError> {
    send(socket, Method::POST, path, json, EMBED_LIMIT).await
}

async fn send(
    socket: &Path,
    method: Method,
    path: &str,
    body: Bytes,
    limit: Duration,
) -> Result<Bytes, CallError> {
    let broken = |reason: String| CallError::Broken { reason };
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = request.header("content-type", "application/json").header("connection", "close");
    let request = request.body(Full::new(body)).expect("a path of ours is a path");
    let asked = async {
        one_request::exchange(UnixStream::connect(socket).await?, request, MAX_ANSWER_BYTES).await
    };
    let answered = timeout(limit, asked).await;
    let answered = answered.map_err(|_| CallError::Late { limit })?;
    let (status, answer) = answered.map_err(|error| broken(error.to_string()))?;
    if !status.is_success() {
        return Err(CallError::Status { status });
    }
    Ok(answer)
}
