//! Asks the control plane of the server that has a data directory, with the routes that its HTTP clients
//! have too.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use endpoints::{EndpointName, Namespace};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};
use wire::control::{Cost, Estimate};
use wire::huggingface_endpoints::{
    CreateRequest, Endpoint, EndpointList, LogList, UpdateRequest, WhoAmI,
};

use super::client::OwnerClient;
use super::error::OwnerError;
use super::exchange::ExchangeError;
use super::{Holder, PATIENCE, PAUSE, holder};
use crate::format::printable;

/// Asks the running server about endpoints.
#[derive(Debug)]
pub(crate) struct ControlClient {
    client: OwnerClient,
    /// How long an answer may take, if that is bounded.
    limit: Option<Duration>,
}

/// Which endpoint is meant. Its names are checked, so that they can stand in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whose.
    pub(crate) namespace: Namespace,
    /// Its name.
    pub(crate) name: EndpointName,
}

/// What can be done to an endpoint without saying more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pause,
    Resume,
    ScaleToZero,
}

/// Why the control plane did not answer, or what it answered in place of a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There is nobody to ask.
    #[error(
        "no server runs on the data directory {}, and only a running server has endpoints; start one with `sembla serve`, or give the directory of the one that runs with --data-dir", .dir.display()
    )]
    NoServer {
        /// The data directory.
        dir: PathBuf,
    },
    /// A command works in the directory, or a server that does not listen.
    #[error(
        "the data directory {} is in use by {}, which answers no commands; endpoints need a running `sembla serve` there", .dir.display(), process(*.pid)
    )]
    Silent {
        /// The data directory.
        dir: PathBuf,
        /// Who has it, if it said so.
        pid: Option<u32>,
    },
    /// The data directory or its socket cannot be used.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// There is no such endpoint.
    #[error("{message}")]
    NotFound {
        /// What the server says.
        message: String,
    },
    /// The server did not do it, and everything is as it was.
    #[error("{message}")]
    Refused {
        /// What the server says.
        message: String,
    },
    /// The server ended meanwhile, or the like.
    #[error("failed to ask the running server")]
    Exchange(#[from] ExchangeError),
    /// It hangs, or the machine does.
    #[error("the running server does not answer: nothing came within {:.0} s", .limit.as_secs_f64())]
    Late {
        /// For how long.
        limit: Duration,
    },
    /// It is of another version.
    #[error("failed to read what the running server answered")]
    Answer(#[source] serde_json::Error),
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// A request without a body.
const NOTHING: Option<&()> = None;

impl ControlClient {
    /// Finds the server of a data directory. One that has just begun is waited for.
    ///
    /// # Errors
    ///
    /// [`AskError::NoServer`] or [`AskError::Silent`] if there is none.
    pub(crate) async fn connect(dir: &Path) -> Result<Self, AskError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(client) = OwnerClient::connect(dir).await? {
                return Ok(Self { client, limit: None });
            }
            match holder(dir).await? {
                Holder::Nobody => return Err(AskError::NoServer { dir: dir.to_owned() }),
                Holder::Other { pid } if Instant::now() > deadline => {
                    return Err(AskError::Silent { dir: dir.to_owned(), pid });
                }
                Holder::Server { .. } | Holder::Other { .. } => sleep(PAUSE).await,
            }
        }
    }

    /// Asks the same server, and gives each answer so much time.
    pub(crate) fn within(&self, limit: Option<Duration>) -> Self {
        Self { client: self.client.clone(), limit }
    }

    /// Asks which namespaces there are.
    pub(crate) async fn who_am_i(&self) -> Result<WhoAmI, AskError> {
        self.ask(Method::GET, "/api/whoami-v2", NOTHING).await
    }

    /// Returns all endpoints of a namespace, by name.
    pub(crate) async fn list(&self, namespace: &Namespace) -> Result<Vec<Endpoint>, AskError> {
        let uri = format!("/v2/endpoint/{namespace}");
        let list: EndpointList = self.ask(Method::GET, &uri, NOTHING).await?;
        Ok(list.items)
    }

    /// Creates an endpoint.
    pub(crate) async fn create(
        &self,
        namespace: &Namespace,
        wanted: &CreateRequest,
    ) -> Result<Endpoint, AskError> {
        self.ask(Method::POST, &format!("/v2/endpoint/{namespace}"), Some(wanted)).await
    }

    /// Returns what an endpoint would cost in so many hours.
    pub(crate) async fn estimate(
        &self,
        namespace: &Namespace,
        wanted: &CreateRequest,
        hours: u32,
    ) -> Result<Estimate, AskError> {
        let uri = format!("/api/endpoints/{namespace}/estimate?hours={hours}");
        self.ask(Method::POST, &uri, Some(wanted)).await
    }

    /// Returns an endpoint as it is now.
    pub(crate) async fn get(&self, target: &Target) -> Result<Endpoint, AskError> {
        self.ask(Method::GET, &target.path(""), NOTHING).await
    }

    /// Changes some fields of an endpoint.
    pub(crate) async fn update(
        &self,
        target: &Target,
        change: &UpdateRequest,
    ) -> Result<Endpoint, AskError> {
        self.ask(Method::PUT, &target.path(""), Some(change)).await
    }

    /// Pauses or resumes an endpoint, or lets it sleep.
    pub(crate) async fn act(&self, target: &Target, action: Action) -> Result<Endpoint, AskError> {
        let rest = match action {
            Action::Pause => "/pause",
            Action::Resume => "/resume",
            Action::ScaleToZero => "/scale-to-zero",
        };
        self.ask(Method::POST, &target.path(rest), NOTHING).await
    }

    /// Deletes an endpoint.
    pub(crate) async fn delete(&self, target: &Target) -> Result<(), AskError> {
        self.exchange(Method::DELETE, &target.path(""), NOTHING).await.map(drop)
    }

    /// Returns the last lines of an endpoint's replicas, or of one of them, oldest first.
    pub(crate) async fn logs(
        &self,
        target: &Target,
        tail: NonZeroUsize,
        replica: Option<&str>,
    ) -> Result<LogList, AskError> {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("tail", &tail.to_string());
        if let Some(replica) = replica {
            parameters.append_pair("replica", replica);
        }
        let uri = format!("{}?{}", target.path("/logs"), parameters.finish());
        self.ask(Method::GET, &uri, NOTHING).await
    }

    /// Returns what was used under a name, and what that cost, without its rows.
    pub(crate) async fn cost(&self, target: &Target) -> Result<Cost, AskError> {
        let Target { namespace, name } = target;
        let uri = format!("/api/endpoints/{namespace}/{name}/cost?rows=false");
        self.ask(Method::GET, &uri, NOTHING).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        uri: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, AskError> {
        let answer = self.exchange(method, uri, body).await?;
        serde_json::from_slice(&answer).map_err(AskError::Answer)
    }

    async fn exchange(
        &self,
        method: Method,
        uri: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Bytes, AskError> {
        let asked = self.client.exchange(method, uri, body);
        let (status, answer) = match self.limit {
            Some(limit) => timeout(limit, asked).await.map_err(|_| AskError::Late { limit })?,
            None => asked.await,
        }?;
        if status.is_success() { Ok(answer) } else { Err(refusal(status, &answer)) }
    }
}

impl Target {
    fn path(&self, rest: &str) -> String {
        format!("/v2/endpoint/{}/{}{rest}", self.namespace, self.name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

fn refusal(status: StatusCode, answer: &[u8]) -> AskError {
    // It may have words of a client in it.
    let message = printable(&message(status, answer));
    match status {
        StatusCode::NOT_FOUND => AskError::NotFound { message },
        _ => AskError::Refused { message },
    }
}

/// Reads an error in the shape of either dialect: Hugging Face's, or our own.
fn message(status: StatusCode, answer: &[u8]) -> String {
    if let Ok(body) = serde_json::from_slice::<wire::huggingface::ErrorBody>(answer) {
        return body.error;
    }
    match serde_json::from_slice::<wire::indexes::ErrorBody>(answer) {
        Ok(body) if status.is_server_error() => {
            format!("{} ({})", body.error.message, body.error.request_id)
        }
        Ok(body) => body.error.message,
        Err(_) => {
            format!("the running server answered {status}: {}", String::from_utf8_lossy(answer))
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(status: u16, answer: &str, expected: Expect) {
        let status = StatusCode::from_u16(status).unwrap();
        expected.assert_eq(&format!("{:?}", refusal(status, answer.as_bytes())));
    }

    #[test]
    fn a_refusal_says_what_the_server_said_in_either_dialect() {
        check(
            404,
            r#"{"error":"there is no endpoint `me/x`"}"#,
            expect![[r#"NotFound { message: "there is no endpoint `me/x`" }"#]],
        );
        check(
            400,
            r#"{"error":{"code":"bad_field","message":"no","request_id":"7f"}}"#,
            expect![[r#"Refused { message: "no" }"#]],
        );
        check(
            500,
            r#"{"error":{"code":"failed","message":"see the log","request_id":"7f"}}"#,
            expect![[r#"Refused { message: "see the log (7f)" }"#]],
        );
        check(
            404,
            r#"{"error":"there is no key `\u001b[2J`"}"#,
            expect![[r#"NotFound { message: "there is no key `�[2J`" }"#]],
        );
        check(
            502,
            "<html>",
            expect![[
                r#"Refused { message: "the running server answered 502 Bad Gateway: <html>" }"#
            ]],
        );
    }
}
