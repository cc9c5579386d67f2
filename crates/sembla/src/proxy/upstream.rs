//! The servers' side of one client connection: a connection of its own to each, opened when it is needed and kept
//! while the client's lasts.
//!
//! HTTP/1.1 has one request at a time on a connection, so one for one is enough; and when the client goes away,
//! dropping this tells the server at once.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::EXPECT;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::Servers;
use super::refusal::{Refusal, discard};
use super::routes::Behind;
use super::server_address::ServerAddress;

/// The way to every server behind the proxy.
#[derive(Debug)]
pub(super) struct Upstreams {
    sembla: Upstream,
    s3: Option<Upstream>,
}

/// Sends requests to one server, one after the other.
#[derive(Debug)]
pub(super) struct Upstream {
    behind: Behind,
    server: ServerAddress,
    /// What the last request went over. Taken out for the next.
    kept: Mutex<Option<Connection>>,
}

/// An open connection to the server. Dropping it closes it.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Incoming>,
    /// The one task that moves the bytes; it ends with this.
    _driver: JoinSet<()>,
    used: Instant,
}

/// A request that a kept connection did not carry.
enum Unsent {
    /// The server had closed it before; nothing was sent.
    Again(Box<Request<Incoming>>),
    /// The request may have been carried out.
    Failed,
}

// On loopback a server answers at once or is not there; one elsewhere gets the time of a lost packet or two.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The server closes a connection that nobody uses. Near that moment a request could be lost, and opening
/// another costs well under a millisecond.
const MAX_IDLE: Duration = Duration::from_secs(5);

impl Upstreams {
    pub(super) fn new(servers: &Servers) -> Self {
        Self {
            sembla: Upstream::new(Behind::Sembla, servers.sembla.clone()),
            s3: servers.s3.clone().map(|server| Upstream::new(Behind::S3, server)),
        }
    }

    /// Returns the way to who is behind a host; `None` if nobody is.
    pub(super) fn of(&self, behind: Behind) -> Option<&Upstream> {
        match behind {
            Behind::Sembla => Some(&self.sembla),
            Behind::S3 => self.s3.as_ref(),
        }
    }
}

impl Upstream {
    fn new(behind: Behind, server: ServerAddress) -> Self {
        Self { behind, server, kept: Mutex::new(None) }
    }

    pub(super) fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// Sends a request and returns the beginning of the answer.
    pub(super) async fn send(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Refusal> {
        let request = match self.take() {
            Some(kept) => match self.send_on(kept, request).await {
                Ok(response) => return Ok(response),
                Err(Unsent::Again(request)) => *request,
                Err(Unsent::Failed) => return Err(self.no_answer()),
            },
            None => request,
        };
        match self.connect().await {
            Ok(fresh) => self.send_on(fresh, request).await.map_err(|_| self.no_answer()),
            Err(refusal) => {
                discard(request).await;
                Err(refusal)
            }
        }
    }

    async fn send_on(
        &self,
        mut connection: Connection,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Unsent> {
        if connection.sender.ready().await.is_err() {
            return Err(Unsent::Again(Box::new(request)));
        }
        // Not before: a refusal must know whether the client waits to be told to go on.
        server::strip_hop_by_hop(request.headers_mut());
        // The client is told to go on when the server takes its request, which is then sent the body at once.
        request.headers_mut().remove(EXPECT);
        match connection.sender.try_send_request(request).await {
            Ok(response) => {
                connection.used = Instant::now();
                self.keep(connection);
                Ok(response)
            }
            Err(mut err) => match err.take_message() {
                Some(request) => Err(Unsent::Again(Box::new(request))),
                None => {
                    tracing::debug!(error = %err.error(), "the server gave no answer");
                    Err(Unsent::Failed)
                }
            },
        }
    }

    async fn connect(&self) -> Result<Connection, Refusal> {
        let opened = async {
            let stream = TcpStream::connect(self.server.endpoint()).await?;
            // The head of a request must not wait for the acknowledgement of the one before.
            stream.set_nodelay(true)?;
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)
        };
        let opened = time::timeout(CONNECT_TIMEOUT, opened).await;
        let (sender, connection) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(err)) => return Err(self.no_server(&err.to_string())),
            Err(_) => return Err(self.no_server("no answer in time")),
        };
        let mut driver = JoinSet::new();
        driver.spawn(async {
            if let Err(err) = connection.await {
                tracing::debug!(error = %err, "the connection to the server ended with an error");
            }
        });
        Ok(Connection { sender, _driver: driver, used: Instant::now() })
    }

    fn take(&self) -> Option<Connection> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.filter(|connection| connection.used.elapsed() < MAX_IDLE)
    }

    fn keep(&self, connection: Connection) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }

    fn no_server(&self, error: &str) -> Refusal {
        tracing::warn!(server = %self.server, error, "no server answers");
        let server = self.server.clone();
        match self.behind {
            Behind::Sembla => Refusal::NoServer { server },
            Behind::S3 => Refusal::NoS3Server { server },
        }
    }

    fn no_answer(&self) -> Refusal {
        Refusal::NoAnswer { server: self.server.clone() }
    }
}
