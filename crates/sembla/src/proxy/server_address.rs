//! Where a server is that the proxy stands before.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;

/// The address of a server that speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    /// A name or an IP address, the latter without brackets.
    host: String,
    port: u16,
}

/// An address at which no server can be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// It is no URL, or has more than a host and a port.
    #[error(
        "`{url}` is no address of a server; give one such as http://127.0.0.1:8080, without a path"
    )]
    Malformed {
        /// What was given.
        url: String,
    },

    /// The proxy speaks no TLS to servers, and `sembla serve` has none.
    #[error(
        "`{url}` begins with https, and the proxy speaks plain HTTP to servers; give http://HOST:PORT"
    )]
    Https {
        /// What was given.
        url: String,
    },

    /// The settings leave the port of the server to the system.
    #[error(
        "the setting `port` is 0, so the server takes any free port; name the one that it printed \
         with --server http://127.0.0.1:PORT"
    )]
    AnyPort,
}

const HTTP_PORT: u16 = 80;

impl ServerAddress {
    /// Reads `http://HOST:PORT`.
    ///
    /// # Errors
    ///
    /// [`AddressError`] for anything else.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed { url: without_user(url) };
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        if uri.scheme_str() == Some("https") {
            return Err(AddressError::Https { url: without_user(url) });
        }
        let authority = uri.authority().ok_or_else(malformed)?;
        let is_bare = uri.scheme_str() == Some("http")
            && uri.path_and_query().is_none_or(|rest| rest.as_str() == "/")
            && !authority.as_str().contains('@');
        if !is_bare || authority.host().is_empty() {
            return Err(malformed());
        }
        // What the library takes for a port may be too large for one.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => HTTP_PORT,
            Some(rest) => rest.trim_start_matches(':').parse().map_err(|_| malformed())?,
            None => return Err(malformed()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port })
    }

    /// Returns where a server with these settings is reached from this machine.
    ///
    /// # Errors
    ///
    /// [`AddressError::AnyPort`] if the port is 0.
    pub(crate) fn of_settings(host: &str, port: u16) -> Result<Self, AddressError> {
        if port == 0 {
            return Err(AddressError::AnyPort);
        }
        // It listens on every address; loopback is one of them.
        let host = match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
            Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Ipv6Addr::LOCALHOST.to_string(),
            Ok(_) | Err(_) => host.to_owned(),
        };
        Ok(Self { host, port })
    }

    /// Returns what to connect to.
    pub(super) fn endpoint(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Returns the name or address of the machine.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether what is sent there stays on this machine.
    pub(crate) fn is_this_machine(&self) -> bool {
        let is_loopback = |address: IpAddr| address.is_loopback();
        self.host == "localhost" || self.host.parse().is_ok_and(is_loopback)
    }

    /// Returns the value of the header `Host`.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

/// A password in an address must not reach a message.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (None, Some((_, rest))) => format!("…@{rest}"),
        (_, None) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        ServerAddress::parse(url).unwrap().to_string()
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(shown("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(shown("http://localhost/"), "http://localhost:80");
        assert_eq!(shown("http://[::1]:3000"), "http://[::1]:3000");
        assert_eq!(ServerAddress::parse("http://[::1]:3000").unwrap().endpoint(), ("::1", 3000));
    }

    #[test]
    fn anything_else_is_refused_and_a_password_is_not_repeated() {
        for url in ["127.0.0.1:8080", "http://a/b", "http://a:99999", "http://", "ftp://a", ""] {
            let refused = ServerAddress::parse(url);
            assert_eq!(refused, Err(AddressError::Malformed { url: url.to_owned() }));
        }
        let refused = ServerAddress::parse("http://ada:hush@host:1").unwrap_err().to_string();
        assert!(refused.contains("http://…@host:1") && !refused.contains("hush"), "{refused}");
        let refused = ServerAddress::parse("https://host:1").unwrap_err().to_string();
        assert!(refused.contains("plain HTTP"), "{refused}");
    }

    #[test]
    fn a_server_on_every_address_is_reached_through_loopback() {
        let shown = |host| ServerAddress::of_settings(host, 8080).unwrap().to_string();
        assert_eq!(shown("0.0.0.0"), "http://127.0.0.1:8080");
        assert_eq!(shown("::"), "http://[::1]:8080");
        assert_eq!(shown("10.0.0.7"), "http://10.0.0.7:8080");
        assert_eq!(ServerAddress::of_settings("127.0.0.1", 0), Err(AddressError::AnyPort));
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for (url, expected) in [
            ("http://127.0.0.2:1", true),
            ("http://[::1]:1", true),
            ("http://localhost:1", true),
            ("http://10.0.0.7:1", false),
            ("http://vectors.example:1", false),
        ] {
            assert_eq!(ServerAddress::parse(url).unwrap().is_this_machine(), expected, "{url}");
        }
    }
}
