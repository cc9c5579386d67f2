//! JSON over HTTP, as the remote stores speak it: time-outs, statuses, another try.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use super::retry::{Failure, Retry};
use crate::error::StoreError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the last byte of a request to the first of its answer: a bulk write may take its time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer: 10,000 matches of 20,000 dimensions with their values, as JSON, and room.
const MAX_ANSWER_BYTES: u64 = 4 << 30;
/// How much of a refusal's text is shown.
const MAX_MESSAGE_CHARS: usize = 500;

/// A client of one server.
#[derive(Debug, Clone)]
pub(super) struct Http {
    agent: Agent,
    store: &'static str,
    base: Arc<str>,
    headers: Arc<[(&'static str, String)]>,
    retry: Retry,
}

/// One request, which may be sent several times.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: &'static str,
    path: String,
    body: Option<Arc<Vec<u8>>>,
    content_type: &'static str,
    again: Again,
}

/// Whether a request that was perhaps carried out may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Twice is as good as once.
    Always,
    /// Only if it surely was not carried out.
    IfNotTaken,
}

impl Request {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path.into())
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path.into())
    }

    pub(super) fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new("POST", path.into()).with_json(body)
    }

    pub(super) fn put(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new("PUT", path.into()).with_json(body)
    }

    pub(super) fn patch(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new("PATCH", path.into()).with_json(body)
    }

    /// A request whose body is lines of JSON.
    pub(super) fn post_lines(path: impl Into<String>, lines: Vec<u8>) -> Self {
        let content_type = "application/x-ndjson";
        let body = Some(Arc::new(lines));
        Self { body, content_type, ..Self::new("POST", path.into()) }
    }

    /// Marks a request that must not be carried out twice.
    pub(super) fn once(self) -> Self {
        Self { again: Again::IfNotTaken, ..self }
    }

    fn new(method: &'static str, path: String) -> Self {
        let content_type = "application/json";
        Self { method, path, body: None, content_type, again: Again::Always }
    }

    fn with_json(self, body: &impl Serialize) -> Self {
        let json = serde_json::to_vec(body).expect("requests have string keys and finite numbers");
        Self { body: Some(Arc::new(json)), ..self }
    }
}

/// What a server must be told and how patient its client is.
#[derive(Debug, Clone)]
pub(super) struct Server<'a> {
    pub(super) store: &'static str,
    /// Scheme, host and path, without a slash at the end.
    pub(super) base: &'a str,
    /// Sent with each request.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) retry: Retry,
}

impl Http {
    pub(super) fn new(server: Server<'_>) -> Self {
        // Set for the process, because `ureq` asks for the process's own. Fails if it is set already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .user_agent(concat!("sembla/", env!("CARGO_PKG_VERSION")));
        if is_loopback(server.base) {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().new_agent(),
            store: server.store,
            base: server.base.trim_end_matches('/').into(),
            headers: server.headers.into(),
            retry: server.retry,
        }
    }

    /// Returns a client of another server of the same store.
    pub(super) fn with_base(&self, base: &str) -> Self {
        Self { base: base.trim_end_matches('/').into(), ..self.clone() }
    }

    /// Sends a request and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<T, StoreError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|err| StoreError::Refused {
            store: self.store,
            status: 200,
            message: format!("something that is no answer to {}: {err}", request.path),
        })
    }

    /// Sends a request, and returns what came with a status of success.
    pub(super) async fn send(&self, request: &Request) -> Result<Vec<u8>, StoreError> {
        self.retry
            .run(|| async {
                let (http, request) = (self.clone(), request.clone());
                // `ureq` blocks. What it does ends by its time-outs even if nobody waits any more.
                let sent = tokio::task::spawn_blocking(move || http.attempt(&request)).await;
                sent.map_err(|_| Failure::from(StoreError::Closed))?
            })
            .await
    }

    fn attempt(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let mut answer = self.call(request).map_err(|err| self.unreachable(err, request.again))?;
        let status = answer.status().as_u16();
        let asked_pause = answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs));
        let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        let body = body.map_err(|err| self.unreachable(err, request.again))?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        // Only these two say that nothing was done.
        let was_perhaps_done = !matches!(status, 429 | 503);
        Err(Failure {
            error: StoreError::Refused { store: self.store, status, message: message(&body) },
            asked_pause,
            is_final: was_perhaps_done && request.again == Again::IfNotTaken,
        })
    }

    fn call(&self, request: &Request) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let uri = format!("{}{}", self.base, request.path);
        let mut builder = ureq::http::Request::builder().method(request.method).uri(uri);
        for (name, value) in self.headers.iter() {
            builder = builder.header(*name, value);
        }
        match &request.body {
            None => self.agent.run(builder.body(())?),
            Some(body) => {
                let builder = builder.header("content-type", request.content_type);
                self.agent.run(builder.body(body.as_slice())?)
            }
        }
    }

    fn unreachable(&self, err: ureq::Error, again: Again) -> Failure {
        let was_perhaps_done = !was_surely_not_sent(&err);
        let error = if may_pass(&err) {
            StoreError::Unavailable { store: self.store, source: Box::new(err) }
        } else {
            StoreError::Refused { store: self.store, status: 0, message: err.to_string() }
        };
        let is_final = was_perhaps_done && again == Again::IfNotTaken;
        Failure { error, asked_pause: None, is_final }
    }
}

/// Returns whether the connection never came about.
fn was_surely_not_sent(err: &ureq::Error) -> bool {
    if let ureq::Error::Io(io) = err {
        return io.kind() == std::io::ErrorKind::ConnectionRefused;
    }
    matches!(
        err,
        ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound
            | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
    )
}

fn may_pass(err: &ureq::Error) -> bool {
    if let ureq::Error::Io(io) = err {
        // A certificate that is not trusted is not trusted in a second either.
        return !io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    }
    matches!(
        err,
        ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound
            | ureq::Error::Protocol(_)
    )
}

fn is_loopback(base: &str) -> bool {
    let host = base.split("://").nth(1).unwrap_or(base);
    ["127.", "localhost", "[::1]"].iter().any(|loopback| host.starts_with(loopback))
}

/// The words of a refusal, cut where they get long.
fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.trim().chars().take(MAX_MESSAGE_CHARS).collect()
}

/// Returns text as one segment of a path or one value of a query.
pub(super) fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
