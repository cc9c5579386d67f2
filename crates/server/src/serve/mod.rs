//! Listens, bounds connections, drains.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::task::{self, JoinSet};
use tokio::time;

use crate::App;
use crate::baseten::Baseten;
use crate::metrics::UPKEEP_INTERVAL;
use crate::sagemaker::Sagemaker;

mod accept;
mod connection;
mod stall;

pub use accept::{Accept, accept_all};
use connection::Connections;

/// A server that is ready to be bound.
#[derive(Debug)]
pub struct Server {
    app: App,
    /// The socket of the data directory.
    local: Option<UnixListener>,
}

/// Where a server is reached.
#[derive(Debug)]
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A socket that only the user of the server can open: no key is asked for there.
    Socket(UnixListener),
}

/// Marks a request that came through a socket, which only the user of the server can open.
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
        listener: impl Into<Listener>,
        shutdown: impl Future<Output = ()> + Send,
        drain_limit: Duration,
    ) -> Drained {
        let listener = listener.into();
        if let Some(plane) = self.app.control_plane() {
            Sagemaker::of(plane).go_on();
            Baseten::of(plane).go_on();
        }
        let connections = Connections::new(&self.app, listener.address());
        let mut open = JoinSet::new();
        let mut open_local = JoinSet::new();
        tokio::select! {
            () = connections.accept_local(self.local.as_ref(), &mut open_local) => {}
            () = connections.accept_from(&listener, &mut open) => {}
            () = run_upkeep(&self.app) => {}
            () = shutdown => {}
        }
        // Every connection finishes its request and closes.
        self.app.begin_drain();
        drop(self.local);
        drop(listener);
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
async fn run_upkeep(app: &App) {
    let mut ticks = time::interval(UPKEEP_INTERVAL);
    loop {
        ticks.tick().await;
        app.replica_pool().tidy();
        let metrics = app.metrics().clone();
        let done = task::spawn_blocking(move || metrics.run_upkeep()).await;
        done.expect("folding samples into buckets does not panic");
    }
}

impl Listener {
    /// Returns the address of a port; a socket has none that could be handed out.
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Socket(_) => None,
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Socket(listener)
    }
}
