//! One connection: bounded headers, the router, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tower::Service as _;

use super::stall::Stall;
use super::{Listener, Local, accept_all};
use crate::App;
use crate::address::LocalEnd;
use crate::aws;
use crate::config::ConnectionLimits;
use crate::gateway;
use crate::middleware::observe::RequestIds;
use crate::middleware::prefix;

/// What all connections have in common.
pub(super) struct Connections {
    app: App,
    router: Router,
    ids: RequestIds,
    http: http1::Builder,
    // Where the server listens.
    listener: Option<SocketAddr>,
}

impl Connections {
    pub(super) fn new(app: &App, listener: Option<SocketAddr>) -> Self {
        let http = http(&app.config().connections);
        Self { app: app.clone(), router: app.router(), ids: RequestIds::default(), http, listener }
    }

    /// Serves all connections that come, each within the limit on their number. Never returns.
    pub(super) async fn accept_from(&self, listener: &Listener, open: &mut JoinSet<()>) {
        match listener {
            Listener::Tcp(listener) => {
                accept_all(listener, self.limit(), open, |stream| self.serve(stream)).await;
            }
            Listener::Socket(listener) => self.accept_local(Some(listener), open).await,
        }
    }

    /// Does the same for programs of the server's own user. Without a socket there is nobody to accept.
    pub(super) async fn accept_local(
        &self,
        listener: Option<&UnixListener>,
        open: &mut JoinSet<()>,
    ) {
        let Some(listener) = listener else { return std::future::pending().await };
        accept_all(listener, self.limit(), open, |stream| self.serve_local(stream)).await;
    }

    fn limit(&self) -> usize {
        self.app.config().connections.max_connections
    }

    /// Serves one connection until its client closes it, or until the server is told to stop and its
    /// request's end.
    fn serve(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + use<> {
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let end = stream.local_addr().ok().map(LocalEnd);
        self.serve_stream(stream, end)
    }

    /// Does the same for a program of the server's own user, on the same machine.
    fn serve_local(&self, stream: UnixStream) -> impl Future<Output = ()> + Send + use<> {
        self.serve_stream(stream, Some(Local { listener: self.listener }))
    }

    /// Serves a connection whose requests carry `mark`.
    fn serve_stream<S, M>(
        &self,
        stream: S,
        mark: Option<M>,
    ) -> impl Future<Output = ()> + Send + use<S, M>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        M: Clone + Send + Sync + 'static,
    {
        let io = Stall::new(stream, self.app.config().connections.write_timeout);
        let (app, router, ids) = (self.app.clone(), self.router.clone(), self.ids.clone());
        let stopping = self.app.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            if let Some(mark) = mark.clone() {
                request.extensions_mut().insert(mark);
            }
            answer(app.clone(), router.clone(), ids.clone(), request)
        });
        let connection = self.http.serve_connection(TokioIo::new(io), service);
        async move {
            let mut connection = pin!(connection);
            tokio::select! {
                result = connection.as_mut() => return log_end(result),
                () = stopping.drains() => connection.as_mut().graceful_shutdown(),
            }
            log_end(connection.await);
        }
    }
}

async fn answer(
    app: App,
    mut router: Router,
    ids: RequestIds,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if gateway::takes(&request) {
        return Ok(gateway::answer(&app, &ids, request.map(Body::new)).await);
    }
    if aws::is_call(&request) {
        let sent = std::mem::replace(request.uri_mut(), Uri::from_static(aws::PATH));
        request.extensions_mut().insert(aws::SentTo(sent));
    }
    if let Some(prefixed) = prefix::strip(app.models(), request.uri_mut()) {
        request.extensions_mut().insert(prefixed);
    }
    router.call(request.map(Body::new)).await
}

fn http(limits: &ConnectionLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_header_size(limits.max_header_bytes);
    http
}

// Mostly clients that went away, which is their right; for those who look into one.
fn log_end(result: hyper::Result<()>) {
    if let Err(err) = result {
        tracing::debug!(error = %err, "connection ended with an error");
    }
}
