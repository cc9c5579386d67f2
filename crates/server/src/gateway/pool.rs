//! Connections to replicas, kept open between requests.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use endpoints::{Address, LaunchId, Route};
use tokio::net::{TcpStream, UnixStream};
use tokio::time;

use super::connection::Connection;

/// Connections that no request is on, by the launch of a replica: a new one has another number, even at
/// the same address. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
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
        std::iter::from_fn(|| connections.pop()).find_map(free)
    }

    /// Opens a connection to a replica.
    pub(super) async fn connect(&self, route: &Route) -> io::Result<Connection> {
        let opened = async {
            match &route.address {
                Address::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    // The head of a request must not wait for the acknowledgement of the one before.
                    stream.set_nodelay(true)?;
                    Connection::over(stream).await
                }
                Address::Socket(path) => Connection::over(UnixStream::connect(path).await?).await,
            }
        };
        match time::timeout(CONNECT_TIMEOUT, opened).await {
            Ok(opened) => opened,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Keeps a connection for the next request, if the answer that it was at was taken whole. One of which
    /// it was not is closed.
    pub(super) fn keep(&self, launch: LaunchId, connection: Connection) {
        if let Some(connection) = free(connection) {
            self.idle().entry(launch).or_default().push(connection);
        }
    }

    /// Closes what replicas have closed. Nobody else notices it of those that no request is on.
    pub(crate) fn tidy(&self) {
        self.idle().retain(|_, connections| {
            connections.retain_mut(Connection::is_free);
            !connections.is_empty()
        });
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

fn free(mut connection: Connection) -> Option<Connection> {
    connection.is_free().then_some(connection)
}
