//! The rules of web pages on the routes of indexes, endpoints and keys: no page may drive a server on
//! loopback, or read what it keeps.
//!
//! A key proves that a client may; a server without keys can only look at what browsers cannot
//! forge. A page of another site is betrayed by `Origin`; one that has pointed its own name at this
//! machine, by `Host`; and a form, which sends neither a question first nor JSON, by `Content-Type`.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::App;
use crate::aws;
use crate::config::{AllowedOrigins, ServerConfig};
use crate::error::{ErrorKind, HttpError};

/// Lets a request through that no foreign page can have made.
pub(crate) async fn refuse_foreign_pages(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let (method, headers) = (request.method(), request.headers());
    // A call of AWS's has a header that no page sends without asking first.
    let is_aws = request.uri().path() == aws::PATH
        && (headers.contains_key(aws::TARGET) || headers.contains_key(header::AUTHORIZATION));
    let has_body = !http_body::Body::is_end_stream(request.body());
    let checked = if has_body && method != Method::GET && !is_aws {
        check_content_type(headers)
    } else {
        Ok(())
    };
    // Where a key is needed the route asks for it, and no page has one by itself.
    let is_keyed = app.needs_key();
    match checked.and_then(|()| if is_keyed { Ok(()) } else { check_page(app.config(), headers) }) {
        Ok(()) => next.run(request).await,
        Err(err) => err.into_response(),
    }
}

// A server without keys can only look at what browsers cannot forge.
fn check_page(config: &ServerConfig, headers: &HeaderMap) -> Result<(), HttpError> {
    check_host(config, headers)?;
    check_origin(config, headers)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let given = text(headers, header::CONTENT_TYPE);
    let kind = given.split(';').next().unwrap_or_default().trim();
    let is_json = ["application/json", "application/x-ndjson"]
        .iter()
        .any(|json| kind.eq_ignore_ascii_case(json));
    if is_json {
        return Ok(());
    }
    let message = format!(
        "Content-Type is `{given}`; send `application/json`, or `application/x-ndjson` for records \
         by line, so that no form of a web page passes for a request"
    );
    Err(HttpError::new(ErrorKind::ContentType, message))
}

fn check_host(config: &ServerConfig, headers: &HeaderMap) -> Result<(), HttpError> {
    let host = text(headers, header::HOST);
    let name = without_port(host);
    // HTTP/1.0 has none, and browsers always send it.
    let is_ours = name.is_empty() || is_this_machine(name) || is_public(config, host);
    if is_ours {
        return Ok(());
    }
    let message = format!(
        "Host is `{host}`, a name that any web page may point at this server; call it by its IP \
         address or as localhost, or start it with --api-key or --public-url"
    );
    Err(HttpError::new(ErrorKind::ForeignPage, message))
}

fn check_origin(config: &ServerConfig, headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let listed = match &config.cors_allow_origin {
        // Every page may embed; that does not make every page the owner of what is kept.
        AllowedOrigins::Any => false,
        AllowedOrigins::List(list) => list.contains(origin),
    };
    let site = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, it)| it);
    let is_own = site.is_some_and(|site| site == text(headers, header::HOST));
    if listed || is_own {
        return Ok(());
    }
    let message = format!(
        "Origin is `{}`, another site's page; name it with --cors-allow-origin, or start the server \
         with --api-key and let the page send the key",
        String::from_utf8_lossy(origin.as_bytes())
    );
    Err(HttpError::new(ErrorKind::ForeignPage, message))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

// An address is nobody's name, and a browser resolves `localhost` by itself.
fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}

fn is_public(config: &ServerConfig, host: &str) -> bool {
    let Some(url) = &config.public_url else { return false };
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    rest.split('/').next().is_some_and(|public| public.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::config::{ConnectionLimits, RootTask, TokenIds};

    fn config() -> ServerConfig {
        let second = Duration::from_secs(1);
        ServerConfig {
            payload_limit: 1,
            api_keys: Vec::new(),
            aws_access_keys: Vec::new(),
            cors_allow_origin: AllowedOrigins::Any,
            root_task: RootTask::ByShape,
            openai_token_ids: TokenIds::Refuse,
            public_url: None,
            num_threads: 1,
            connections: ConnectionLimits {
                max_connections: 1,
                max_header_bytes: 1,
                header_read_timeout: second,
                body_read_timeout: second,
                write_timeout: second,
            },
        }
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    fn is_let_in(config: &ServerConfig, given: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        check_content_type(&headers).and_then(|()| check_page(config, &headers)).is_ok()
    }

    #[test]
    fn a_program_on_this_machine_is_let_in() {
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "10.0.0.7", "a.localhost"] {
            assert!(is_let_in(&config(), &[JSON, ("host", host)]), "{host}");
        }
        assert!(is_let_in(&config(), &[("content-type", "application/x-ndjson")]));
    }

    #[test]
    fn a_form_is_not() {
        for kind in ["text/plain", "multipart/form-data", "", "application/jsonp"] {
            assert!(!is_let_in(&config(), &[("content-type", kind), ("host", "localhost")]));
        }
        assert!(!is_let_in(&config(), &[("host", "localhost")]), "a blob has no type");
    }

    #[test]
    fn a_page_of_another_site_is_not_and_our_own_is() {
        let host = ("host", "localhost:8080");
        for origin in ["https://evil.example", "http://localhost:9", "null"] {
            assert!(!is_let_in(&config(), &[JSON, host, ("origin", origin)]), "{origin}");
        }
        assert!(is_let_in(&config(), &[JSON, host, ("origin", "http://localhost:8080")]));
        let listed = vec![HeaderValue::from_static("https://mine.example")];
        let listed = ServerConfig { cors_allow_origin: AllowedOrigins::List(listed), ..config() };
        assert!(is_let_in(&listed, &[JSON, host, ("origin", "https://mine.example")]));
    }

    #[test]
    fn a_name_that_was_pointed_here_is_not_unless_it_is_the_public_one() {
        let rebound = [JSON, ("host", "evil.example:8080"), ("origin", "http://evil.example:8080")];
        assert!(!is_let_in(&config(), &rebound));
        let public_url = Some("https://vectors.example/base".to_owned());
        let public = ServerConfig { public_url, ..config() };
        assert!(is_let_in(&public, &[JSON, ("host", "vectors.example")]));
        assert!(!is_let_in(&public, &rebound));
    }
}
