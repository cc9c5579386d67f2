//! Listens, bounds connections, drains.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{self, JoinSet};
use tokio::time;

use crate::App;
use crate::metrics::UPKEEP_INTERVAL;

mod connection;
mod stall;

use connection::Connections;

/// A server that is ready to be bound.
#[derive(Debug)]
pub struct Server {
    app: App,
    /// The socket of the data directory.
    local: Option<UnixListener>,
}

/// Marks a request that came through the socket of the data directory, which only the user of the
/// server can open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local {
    /// Where others reach the server, since the socket is none of the addresses that are handed out.
    pub(crate) listener: Option<SocketAddr>,
}

/// What became of the connections that were open when a server was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that the time limit cut off within a request.
    pub num_cut_off: usize,
}

impl Server {
    /// Makes a server of `app`.
    pub fn new(app: App) -> Self {
        Self { app, local: None }
    }

    /// Serves on a socket too, which only the user of the server can open: no key is asked for there.
    #[must_use]
    pub fn with_local(self, listener: UnixListener) -> Self {
        Self { local: Some(listener), ..self }
    }

    /// Serves on `listener` until `shutdown` is done; then drains.
    ///
    /// To drain is to become unready, to stop accepting, to finish the requests that have begun,
    /// and after `drain_limit` to cut off what is left.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
        drain_limit: Duration,
    ) -> Drained {
        let (close, closing) = watch::channel(());
        let connections = Connections::new(&self.app, listener.local_addr().ok(), closing);
        let mut open = JoinSet::new();
        let mut open_local = JoinSet::new();
        tokio::select! {
            () = accept_local(self.local.as_ref(), &connections, &mut open_local) => {}
            () = accept_all(&self.app, &listener, &connections, &mut open) => {}
            () = run_upkeep(&self.app) => {}
            () = shutdown => {}
        }
        self.app.begin_drain();
        drop(self.local);
        drop(listener);
        // Every connection finishes its request and closes.
        drop(close);
        let all_closed = async {
            while open.join_next().await.is_some() {}
            while open_local.join_next().await.is_some() {}
        };
        let _ = time::timeout(drain_limit, all_closed).await;
        let num_cut_off = open.len() + open_local.len();
        open.shutdown().await;
        open_local.shutdown().await;
        Drained { num_cut_off }
    }
}

// Never ends.
async fn accept_all(
    app: &App,
    listener: &TcpListener,
    connections: &Connections,
    open: &mut JoinSet<()>,
) {
    let slots = Arc::new(Semaphore::new(app.config().connections.max_connections));
    loop {
        // While all slots are taken, new connections wait in the listener's backlog.
        let slot = Arc::clone(&slots).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let stream = accept(listener).await;
        open.spawn(hold(slot, connections.serve(stream)));
        // Those that have ended would pile up otherwise.
        while open.try_join_next().is_some() {}
    }
}

// Never ends. Without a socket there is nobody to accept.
async fn accept_local(
    listener: Option<&UnixListener>,
    connections: &Connections,
    open: &mut JoinSet<()>,
) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.spawn(connections.serve_local(stream));
            }
            Err(err) => {
                tracing::warn!(error = %err, "failed to accept a connection on the socket");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while open.try_join_next().is_some() {}
    }
}

async fn hold(slot: OwnedSemaphorePermit, connection: impl Future<Output = ()>) {
    connection.await;
    drop(slot);
}

// When the process has no file descriptors left, accepting fails until a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client was gone before it was accepted.
            Err(err)
                if matches!(
                    err.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(err) => {
                tracing::warn!(error = %err, "failed to accept a connection");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

// Never ends.
async fn run_upkeep(app: &App) {
    let mut ticks = time::interval(UPKEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let metrics = app.metrics().clone();
        let done = task::spawn_blocking(move || metrics.run_upkeep()).await;
        done.expect("folding samples into buckets does not panic");
    }
}
