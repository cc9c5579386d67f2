//! Accepts connections, so many at a time.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time;

/// What connections come from.
pub trait Accept: Sync {
    /// One connection.
    type Stream: Send;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(self.accept().await?.0)
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

/// Lets `serve` have each connection that comes, at most `limit` of them at once. Never returns; what was
/// accepted is in `open`, and goes on when this is dropped.
pub async fn accept_all<L, F>(
    listener: &L,
    limit: usize,
    open: &mut JoinSet<()>,
    serve: impl Fn(L::Stream) -> F,
) where
    L: Accept,
    F: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(limit));
    loop {
        // While all slots are taken, new connections wait in the listener's backlog.
        let slot = Arc::clone(&slots).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let stream = next(listener).await;
        open.spawn(hold(slot, serve(stream)));
        // Those that have ended would pile up otherwise.
        while open.try_join_next().is_some() {}
    }
}

async fn hold(slot: OwnedSemaphorePermit, connection: impl Future<Output = ()>) {
    connection.await;
    drop(slot);
}

// When the process has no file descriptors left, accepting fails until a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn next<L: Accept>(listener: &L) -> L::Stream {
    loop {
        match listener.accept().await {
            Ok(stream) => return stream,
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
