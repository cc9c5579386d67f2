//! The addresses that we hand out, all from here and never stored.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::App;
use crate::error::{ErrorKind, HttpError};
use crate::serve::Local;

/// The local end of the connection that a request came on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalEnd(pub(crate) SocketAddr);

/// The URL of this server as the client of a request reaches it, without a final `/`.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Returns the URL at which the gateway answers for an endpoint.
    pub(crate) fn endpoint(&self, record: &endpoints::Record) -> String {
        format!("{}/serve/{}/{}", self.0, record.namespace, record.name)
    }

    /// Returns the URL below which Baseten's clients ask a model.
    pub(crate) fn baseten_model(&self, id: &str) -> String {
        format!("{}/b10/model-{id}", self.0)
    }

    /// Returns the URL of the data plane of an index.
    pub(crate) fn pinecone_index(&self, index: &index::IndexName) -> String {
        format!("{}/pinecone/i/{index}", self.0)
    }
}

impl FromRequestParts<App> for BaseUrl {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        let public_url = app.config().public_url.as_deref();
        if let Some(Local { listener }) = parts.extensions.get() {
            // The socket of the data directory has no host that a client could use.
            let address = listener.map(reachable_here);
            return base_url(public_url, None, address).map(Self).ok_or_else(bad_host);
        }
        let local = parts.extensions.get::<LocalEnd>().map(|LocalEnd(address)| *address);
        let host = match parts.headers.get(header::HOST) {
            Some(host) => Some(host.to_str().map_err(|_| bad_host())?),
            None => None,
        };
        base_url(public_url, host, local).map(Self).ok_or_else(bad_host)
    }
}

// The operator knows best; then the client, who has just reached us; then the socket.
fn base_url(
    public_url: Option<&str>,
    host: Option<&str>,
    local: Option<SocketAddr>,
) -> Option<String> {
    match (public_url, host, local) {
        (Some(url), _, _) => Some(url.trim_end_matches('/').to_owned()),
        (None, Some(host), _) if !host.is_empty() => Some(format!("http://{host}")),
        (None, _, Some(address)) => Some(format!("http://{address}")),
        (None, _, None) => None,
    }
}

/// Returns the address of a listener for clients on its own machine: one that listens everywhere is reached
/// through loopback.
pub fn reachable_here(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listener.port())
}

fn bad_host() -> HttpError {
    let message = "the header Host does not say how this server was reached; send it, or start the \
                   server with --public-url";
    HttpError::new(ErrorKind::BadField, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_goes_before_the_client_and_the_client_before_the_socket() {
        let local = Some("127.0.0.1:8080".parse().unwrap());
        let url = |public, host| base_url(public, host, local).unwrap();
        assert_eq!(url(Some("https://a.example/x/"), Some("b:1")), "https://a.example/x");
        assert_eq!(url(None, Some("localhost:9000")), "http://localhost:9000");
        assert_eq!(url(None, Some("")), "http://127.0.0.1:8080");
        assert_eq!(url(None, None), "http://127.0.0.1:8080");
        assert_eq!(base_url(None, None, None), None);
    }

    #[test]
    fn whoever_listens_everywhere_is_reached_through_loopback() {
        let check = |listener: &str, expected: &str| {
            assert_eq!(reachable_here(listener.parse().unwrap()).to_string(), expected);
        };
        check("0.0.0.0:8080", "127.0.0.1:8080");
        check("[::]:8080", "[::1]:8080");
        check("10.0.0.7:8080", "10.0.0.7:8080");
    }
}
