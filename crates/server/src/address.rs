//! The addresses that we hand out, all from here and never stored.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::App;
use crate::error::{ErrorKind, HttpError};

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

    /// Returns the URL of the data plane of an index.
    pub(crate) fn pinecone_index(&self, index: &index::IndexName) -> String {
        format!("{}/pinecone/i/{index}", self.0)
    }
}

impl FromRequestParts<App> for BaseUrl {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        let local = parts.extensions.get::<LocalEnd>().map(|LocalEnd(address)| *address);
        let host = match parts.headers.get(header::HOST) {
            Some(host) => Some(host.to_str().map_err(|_| bad_host())?),
            None => None,
        };
        base_url(app.config().public_url.as_deref(), host, local).map(Self).ok_or_else(bad_host)
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
}
