//! Connections to replicas, kept open between requests.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use endpoints::{Address, LaunchId, Route};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time;

use super::upload::Sending;

/// An open connection. Dropping it closes it, and lets a request go that it is at.
pub(super) type Connection = SendRequest<Sending>;

/// Connections that no request is on, by the launch of a replica: a new one has another number, even at
/// the same address. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Idle>>);

type Idle = HashMap<LaunchId, Vec<Connection>>;

// A replica on the same machine answers at once or is not there; one elsewhere gets the time of a lost
// packet or two.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Pool {
    /// Returns an open connection to a replica that nobody uses, if there is one.
    pub(super) fn take(&self, launch: LaunchId) -> Option<Connection> {
        let mut idle = self.idle();
        let connections = idle.get_mut(&launch)?;
        // The last one was used last, and so is the least likely to have been closed.
        std::iter::from_fn(|| connections.pop()).find(Connection::is_ready)
    }

    /// Opens a connection to a replica.
    pub(super) async fn connect(&self, route: &Route) -> io::Result<Connection> {
        let opened = async {
            match &route.address {
                Address::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    // The head of a request must not wait for the acknowledgement of the one before.
                    stream.set_nodelay(true)?;
                    handshake(stream).await
                }
                Address::Socket(path) => handshake(UnixStream::connect(path).await?).await,
            }
        };
        match time::timeout(CONNECT_TIMEOUT, opened).await {
            Ok(opened) => opened,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Keeps a connection for the next request, as soon as the answer that it is at was taken whole. One
    /// of which it was not is closed.
    pub(super) fn keep(&self, launch: LaunchId, mut connection: Connection) {
        let pool = self.clone();
        // Ends with the answer, which ends with its client.
        tokio::spawn(async move {
            if connection.ready().await.is_ok() {
                pool.put(launch, connection);
            }
        });
    }

    fn put(&self, launch: LaunchId, connection: Connection) {
        let mut idle = self.idle();
        if !idle.contains_key(&launch) {
            // A new replica came, so that others may have gone.
            idle.retain(|_, connections| {
                connections.retain(|connection| !connection.is_closed());
                !connections.is_empty()
            });
        }
        idle.entry(launch).or_default().push(connection);
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn handshake<S>(stream: S) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (connection, driver) = shaken.map_err(io::Error::other)?;
    // Ends with the connection.
    tokio::spawn(driver);
    Ok(connection)
}
