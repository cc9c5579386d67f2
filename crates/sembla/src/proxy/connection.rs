//! One client connection: plain requests with a whole URL, or a tunnel with TLS inside that ends here.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::upgrade::{self, OnUpgrade};
use hyper::{Method, Request, Response, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::leaves::Leaves;
use super::refusal::{AnswerBody, Refusal, discard};
use super::routes::{self, ErrorShape, Host};
use super::server_address::ServerAddress;
use super::upstream::Upstreams;
use super::{Limits, Servers, handshake};

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Connections {
    servers: Servers,
    leaves: Leaves,
    http: http1::Builder,
    write_timeout: Duration,
}

/// A tunnel that a client asked for and was granted.
struct Tunnel {
    host: String,
    upgrade: OnUpgrade,
}

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

impl Connections {
    pub(super) fn new(servers: Servers, leaves: Leaves, limits: &Limits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_header_size(limits.max_header_bytes);
        Self { servers, leaves, http, write_timeout: limits.write_timeout }
    }

    pub(super) fn leaves(&self) -> &Leaves {
        &self.leaves
    }

    /// Serves one connection until its client closes it, or until `closing` and its request's end.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream, closing: watch::Receiver<()>) {
        self.prepare(&stream);
        let upstreams = Upstreams::new(&self.servers);
        let granted = Mutex::new(None);
        let service = service_fn(|request| self.answer_outside(&upstreams, &granted, request));
        self.drive(stream, service, closing.clone()).await;
        let granted = granted.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(tunnel) = granted {
            self.serve_tunnel(tunnel, &upstreams, closing).await;
        }
    }

    /// A connection whose client takes nothing is ended by the system, whatever lies above it.
    fn prepare(&self, stream: &TcpStream) {
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let millis = u32::try_from(self.write_timeout.as_millis()).unwrap_or(u32::MAX);
        // Without it a stalled client keeps its slot, which is no reason to refuse it.
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, millis);
    }

    async fn serve_tunnel(
        &self,
        tunnel: Tunnel,
        upstreams: &Upstreams,
        closing: watch::Receiver<()>,
    ) {
        let Ok(upgraded) = tunnel.upgrade.await else { return };
        let accepted = handshake::accept(&self.leaves, TokioIo::new(upgraded), &tunnel.host).await;
        let Some((host, stream)) = accepted else { return };
        let Some(row) = routes::find(&host) else { return };
        let service = service_fn(|request| async {
            Ok::<_, Infallible>(self.answer_for(&host, row, upstreams, request).await)
        });
        self.drive(stream, service, closing).await;
    }

    /// Runs HTTP on a stream until it ends, or until `closing` and the end of the request under way.
    async fn drive<IO, S, F>(&self, io: IO, service: S, mut closing: watch::Receiver<()>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<
                Request<Incoming>,
                Response = Response<AnswerBody>,
                Error = Infallible,
                Future = F,
            >,
        F: Future<Output = Result<Response<AnswerBody>, Infallible>>,
    {
        let connection = self.http.serve_connection(TokioIo::new(io), service).with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            result = connection.as_mut() => return log_end(result),
            _ = closing.changed() => connection.as_mut().graceful_shutdown(),
        }
        log_end(connection.await);
    }

    /// Answers a request outside a tunnel.
    async fn answer_outside(
        &self,
        upstreams: &Upstreams,
        granted: &Mutex<Option<Tunnel>>,
        mut request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let is_tunnel = request.method() == Method::CONNECT;
        let found =
            if is_tunnel { tunnel_host(request.uri()) } else { self.plain_host(request.uri()) };
        Ok(match found {
            Ok((host, _)) if is_tunnel => {
                let tunnel = Tunnel { host, upgrade: upgrade::on(&mut request) };
                *granted.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
                Response::new(Either::Right(Full::default()))
            }
            Ok((host, row)) => self.answer_for(&host, row, upstreams, request).await,
            Err(refusal) => refuse(&refusal, ErrorShape::Text, request).await,
        })
    }

    /// Finds the host of a request with a whole URL.
    fn plain_host(&self, uri: &Uri) -> Result<(String, &'static Host), Refusal> {
        match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(host)) => served(host, uri.port_u16(), HTTP_PORT),
            // A page that calls the proxy as if it were the server, for one. Nothing of it is passed on.
            (_, _) => Err(Refusal::NotForProxy { server: self.servers.sembla.clone() }),
        }
    }

    /// Passes a request for a host on to the server behind it, and the server's answer back.
    async fn answer_for(
        &self,
        host: &str,
        row: &Host,
        upstreams: &Upstreams,
        mut request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        let Some(upstream) = upstreams.of(row.behind()) else {
            tracing::info!(host, "refused: s3_endpoint is not set");
            let refusal = Refusal::NoS3Endpoint { host: host.to_owned() };
            return refuse(&refusal, row.errors(), request).await;
        };
        let Some(target) = target(row, host, request.uri()) else {
            tracing::info!(host, "refused: a path that is not served");
            let refusal = Refusal::UnknownPath { host: host.to_owned() };
            return refuse(&refusal, row.errors(), request).await;
        };
        address(&mut request, target, host, upstream.server());
        let method = request.method().clone();
        let answered = upstream.send(request).await;
        let answer = match answered {
            Ok(response) => {
                let mut response = response.map(Either::Left);
                server::strip_hop_by_hop(response.headers_mut());
                response
            }
            Err(refusal) => refusal.answer(row.errors()),
        };
        // Neither path nor headers: either may hold what is nobody's business.
        tracing::debug!(%method, host, status = answer.status().as_u16(), "answered");
        answer
    }
}

/// The host that a client meant; AWS's clients sign it.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Turns a request to a host into one to a server, which knows itself by its own address only.
fn address(request: &mut Request<Incoming>, target: Uri, meant: &str, server: &ServerAddress) {
    *request.uri_mut() = target;
    *request.version_mut() = Version::HTTP_11;
    let host = HeaderValue::from_str(&server.authority());
    let host = host.expect("the address of the server was read as part of a URL");
    let meant = HeaderValue::from_str(meant).expect("the name of a host was found in the table");
    let headers = request.headers_mut();
    headers.insert(header::HOST, host);
    // Whatever the client said of it.
    headers.insert(FORWARDED_HOST, meant);
}

/// Returns the path and query that the server is asked for.
fn target(row: &Host, host: &str, uri: &Uri) -> Option<Uri> {
    let mut target = row.target(host, uri.path())?;
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    target.parse().ok()
}

/// Finds the host that a CONNECT names.
fn tunnel_host(uri: &Uri) -> Result<(String, &'static Host), Refusal> {
    // Never the whole of it, which may have a password.
    let host = uri.host().unwrap_or_default();
    served(host, uri.port_u16(), HTTPS_PORT)
}

fn served(
    host: &str,
    port: Option<u16>,
    expected: u16,
) -> Result<(String, &'static Host), Refusal> {
    let host = routes::canonical(host);
    let Some(row) = routes::find(&host) else {
        tracing::info!(host, "refused: a host that is not served");
        return Err(Refusal::UnknownHost { host });
    };
    match port {
        Some(port) if port != expected => {
            tracing::info!(host, port, "refused: a port that is not served");
            Err(Refusal::UnknownPort { host, port, expected })
        }
        Some(_) | None => Ok((host, row)),
    }
}

async fn refuse(
    refusal: &Refusal,
    shape: ErrorShape,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    discard(request).await;
    refusal.answer(shape)
}

fn log_end(result: hyper::Result<()>) {
    if let Err(err) = result {
        tracing::debug!(error = %err, "connection ended with an error");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(result: Result<(String, &'static Host), Refusal>) -> Result<String, String> {
        result.map(|(host, _)| host).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_tunnel_goes_to_the_port_of_https_only() {
        let opened = |authority: &str| host(tunnel_host(&authority.parse().unwrap()));
        assert_eq!(opened("API.OpenAI.com:443"), Ok("api.openai.com".to_owned()));
        let refused = opened("api.openai.com:22").unwrap_err();
        assert!(refused.contains("on port 443 only, not on 22"), "{refused}");
    }

    #[test]
    fn a_password_in_an_authority_is_not_repeated() {
        let refused = host(tunnel_host(&"ada:hush@evil.example:443".parse().unwrap()));
        let refused = refused.unwrap_err();
        assert!(refused.contains("does not serve evil.example;"), "{refused}");
        assert!(!refused.contains("hush") && !refused.contains("ada"), "{refused}");
    }

    #[test]
    fn the_query_goes_with_the_path() {
        let row = routes::find("api.pinecone.io").unwrap();
        let uri = "https://api.pinecone.io/indexes?a=1&b=%20".parse().unwrap();
        let target = target(row, "api.pinecone.io", &uri).unwrap();
        assert_eq!(target.to_string(), "/pinecone/indexes?a=1&b=%20");
    }
}
