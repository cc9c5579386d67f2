//! One request over a socket of this machine, and its answer.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// Why there is no answer.
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request and reads all of the answer. Nothing goes on when this is dropped.
///
/// # Errors
///
/// If the connection ends before the answer does, or the answer is longer than `max_bytes`.
pub(crate) async fn exchange(
    stream: UnixStream,
    request: Request<Full<Bytes>>,
    max_bytes: usize,
) -> Result<(StatusCode, Bytes), Broken> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Ends with this call, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), max_bytes).collect().await?;
    Ok((status, body.to_bytes()))
}
