//! Asks the server that has the data directory, over the socket there, in our own dialect.

use std::io;
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use index::{IndexName, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::indexes::{CheckReport, Done, ErrorBody, Index, SnapshotFolder};

use super::error::OwnerError;
use super::exchange::{ExchangeError, exchange};
use super::socket;

/// What the server is called in messages.
pub(super) const NAME: &str = "running server's";

/// A server that has the data directory.
#[derive(Debug, Clone)]
pub(crate) struct OwnerClient {
    dir: PathBuf,
}

impl OwnerClient {
    /// Finds out whether a server listens in a data directory.
    pub(super) async fn connect(dir: &Path) -> Result<Option<Self>, OwnerError> {
        let connected = socket::connect(dir).await?;
        Ok(connected.map(|_| Self { dir: dir.to_owned() }))
    }

    pub(super) async fn snapshot(&self, index: &IndexName, to: &Path) -> Result<(), StoreError> {
        let Done {} = self.post(index, "snapshot", &folder(to)?).await?;
        Ok(())
    }

    pub(super) async fn restore(&self, from: &Path, index: &IndexName) -> Result<(), StoreError> {
        let _: Index = self.post(index, "restore", &folder(from)?).await?;
        Ok(())
    }

    pub(super) async fn check(&self, index: &IndexName) -> Result<CheckReport, StoreError> {
        self.post(index, "check", &Done {}).await
    }

    /// Posts to a route of one index.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, StoreError> {
        self.send(Method::POST, &format!("/{index}/{route}"), Some(body)).await
    }

    /// Sends a request to any path, and returns what was answered.
    pub(super) async fn exchange(
        &self,
        method: Method,
        uri: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(StatusCode, Bytes), ExchangeError> {
        exchange(&self.dir, method, uri, body).await
    }

    /// Sends a request to a path below `/v1/indexes`.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, StoreError> {
        let uri = format!("/v1/indexes{path}");
        let (status, answer) = self.exchange(method, &uri, body).await.map_err(unavailable)?;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(unavailable);
        }
        Err(refusal(status, &answer, index_in(path)))
    }
}

fn folder(path: &Path) -> Result<SnapshotFolder, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let absolute = std::path::absolute(path).map_err(io)?;
    let text = absolute.into_os_string().into_string();
    let text = text.map_err(|_| io(io::Error::new(io::ErrorKind::InvalidInput, "not UTF-8")))?;
    Ok(SnapshotFolder { path: text })
}

fn index_in(path: &str) -> String {
    path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default().to_owned()
}

fn unavailable(err: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { store: NAME, source: Box::new(err) }
}

/// Says what the server said, as the store itself would have.
fn refusal(status: StatusCode, answer: &[u8], name: String) -> StoreError {
    let Ok(ErrorBody { error }) = serde_json::from_slice(answer) else {
        let message = String::from_utf8_lossy(answer).into_owned();
        return StoreError::Refused { store: NAME, status: status.as_u16(), message };
    };
    match error.code.as_str() {
        "unknown_index" => StoreError::IndexNotFound { name },
        "index_exists" => StoreError::IndexExists { name },
        "index_protected" => StoreError::Protected { name },
        _ => {
            let message = if status.is_server_error() {
                format!("{} ({})", error.message, error.request_id)
            } else {
                error.message
            };
            StoreError::Refused { store: NAME, status: status.as_u16(), message }
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
        let error = refusal(status, answer.as_bytes(), index_in("/faq/search?x=1"));
        expected.assert_eq(&error.to_string());
    }

    #[test]
    fn a_refusal_reads_as_that_of_the_store_itself() {
        check(
            404,
            r#"{"error":{"code":"unknown_index","message":"…","request_id":"7f"}}"#,
            expect!["there is no index `faq`"],
        );
        check(
            400,
            r#"{"error":{"code":"bad_field","message":"no","request_id":"7f"}}"#,
            expect!["the running server's store answered 400: no"],
        );
        check(
            500,
            r#"{"error":{"code":"failed","message":"see the log","request_id":"7f"}}"#,
            expect!["the running server's store answered 500: see the log (7f)"],
        );
        check(502, "<html>", expect!["the running server's store answered 502: <html>"]);
    }
}
