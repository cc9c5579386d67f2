//! The beginning of TLS inside a tunnel: which host the client asks for, and the certificate that says so.

use std::io;
use std::time::{Duration, SystemTime};

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::leaves::Leaves;
use super::routes;

/// From the grant of a tunnel to the end of its handshake: a few round trips.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Shakes hands as the host that the client names, which need not be the one that it opened the tunnel to.
///
/// Returns the host, and the stream inside; nothing if the client is not served, which is logged.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    leaves: &Leaves,
    stream: S,
    opened_to: &str,
) -> Option<(String, TlsStream<S>)> {
    let accepted = time::timeout(TIMEOUT, accept_slowly(leaves, stream, opened_to)).await;
    accepted.unwrap_or_else(|_| {
        tracing::debug!(host = opened_to, "the handshake took too long");
        None
    })
}

async fn accept_slowly<S: AsyncRead + AsyncWrite + Unpin>(
    leaves: &Leaves,
    stream: S,
    opened_to: &str,
) -> Option<(String, TlsStream<S>)> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await;
    let start = start.inspect_err(|err| log_failure(opened_to, err)).ok()?;
    let named = start.client_hello().server_name().map(routes::canonical);
    let host = named.unwrap_or_else(|| opened_to.to_owned());
    if routes::find(&host).is_none() {
        tracing::info!(host, "refused: a certificate for a host that is not served");
        return None;
    }
    let config = leaves.config(&host, SystemTime::now());
    let config = config
        .inspect_err(|err| tracing::error!(host, error = %err, "failed to make a certificate"))
        .ok()?;
    let stream = start.into_stream(config).await;
    let stream = stream.inspect_err(|err| log_failure(&host, err)).ok()?;
    Some((host, stream))
}

// Clients that go away are within their rights; one that does not know our certificate needs to be told.
fn log_failure(host: &str, err: &io::Error) {
    let inner = err.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::AlertReceived(alert)) = inner {
        tracing::warn!(
            host,
            ?alert,
            "the client did not take our certificate; does SSL_CERT_FILE or REQUESTS_CA_BUNDLE of its environment \
             name the file that was printed at the start?"
        );
    } else {
        tracing::debug!(host, error = %err, "the handshake failed");
    }
}
