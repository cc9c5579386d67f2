//! The proxy for clients whose hosts are written into their code: what they send to a vendor reaches the server
//! of this machine.
//!
//! A client that is told of the proxy (`HTTPS_PROXY`) and of its certificate authority (`SSL_CERT_FILE`) opens a
//! tunnel to, say, `api.openai.com`. The TLS inside it ends here, under a certificate that was made for that name,
//! and each request goes on to the server at the path that stands for it (`routes`), or, of S3, to the store that
//! is named. Nothing else is reached through it, and nothing leaves for the hosts themselves: a name that is not in the table is refused at once.
//!
//! Not for: reaching the outside, or hiding what is served from anybody on the machine.

mod authority;
mod connection;
mod handshake;
mod leaves;
mod refusal;
mod routes;
mod server_address;
mod upstream;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use server::accept_all;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;

pub(crate) use authority::Authority;
pub(crate) use leaves::LeafError;
pub(crate) use server_address::{AddressError, ServerAddress};

use connection::Connections;
use leaves::Leaves;

/// Who answers what the proxy passes on.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    /// The server of models, indexes and endpoints.
    pub(crate) sembla: ServerAddress,
    /// The store that stands for S3, if there is one.
    pub(crate) s3: Option<ServerAddress>,
}

/// What one client may take.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub(crate) max_connections: usize,
    /// Bytes of a request's line and headers.
    pub(crate) max_header_bytes: usize,
    /// From one answer to the end of the next request's headers.
    pub(crate) header_read_timeout: Duration,
    /// How long a client may take nothing of its answer.
    pub(crate) write_timeout: Duration,
}

/// A proxy that is ready to be given a listener.
#[derive(Debug)]
pub(crate) struct Proxy {
    connections: Arc<Connections>,
    max_connections: usize,
}

/// What became of the connections that were open when the proxy was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Connections that the time limit cut off within a request.
    pub(crate) num_cut_off: usize,
}

impl Proxy {
    /// Makes a proxy to servers, whose hosts are vouched for by `authority`.
    ///
    /// # Errors
    ///
    /// [`LeafError`] if the key of the hosts cannot be made.
    pub(crate) fn new(
        servers: Servers,
        authority: Authority,
        limits: &Limits,
    ) -> Result<Self, LeafError> {
        let connections = Connections::new(servers, Leaves::new(authority)?, limits);
        let max_connections = limits.max_connections;
        Ok(Self { connections: Arc::new(connections), max_connections })
    }

    /// Returns the file that clients must trust.
    pub(crate) fn certificate(&self) -> &Path {
        self.connections.leaves().authority().certificate()
    }

    /// Serves until `shutdown` is done; then stops accepting, finishes the requests that have begun, and after
    /// `drain_limit` cuts off what is left.
    pub(crate) async fn run(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        drain_limit: Duration,
    ) -> Drained {
        let (close, closing) = watch::channel(());
        let mut open = JoinSet::new();
        let serve = |stream| Arc::clone(&self.connections).serve(stream, closing.clone());
        tokio::select! {
            () = accept_all(&listener, self.max_connections, &mut open, serve) => {}
            () = shutdown => {}
        }
        drop(listener);
        // Every connection finishes its request and closes.
        drop(close);
        let all_closed = async { while open.join_next().await.is_some() {} };
        let _ = time::timeout(drain_limit, all_closed).await;
        let num_cut_off = open.len();
        open.shutdown().await;
        Drained { num_cut_off }
    }
}
