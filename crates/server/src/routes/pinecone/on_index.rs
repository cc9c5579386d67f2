//! A request to the data plane: which index it is about, and what its answer says of the log.

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response};
use index::{Checked, IndexName};

use super::LEGACY;
use crate::App;
use crate::call::Call;
use crate::dialects::pinecone::{DEFAULT_NAMESPACE, control};
use crate::error::{ErrorKind, HttpError};

/// The index that a request is about, and what is needed to answer it.
pub(super) struct OnIndex {
    pub(super) call: Call,
    pub(super) store: Checked,
    pub(super) name: IndexName,
    pub(super) era: Era,
}

/// Whose words a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// Those of 2.x.
    Legacy,
    /// Those of 7.x and later.
    Current,
}

impl Era {
    /// Returns what the default namespace is called in statistics.
    pub(super) fn default_namespace(self) -> &'static str {
        match self {
            Self::Legacy => "",
            Self::Current => DEFAULT_NAMESPACE,
        }
    }
}

impl FromRequestParts<App> for OnIndex {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        let store = app.indexes()?.clone();
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| bad_path())?;
        let name = path.iter().find(|(name, _)| *name == "index").map_or("", |(_, value)| value);
        let name = control::name(name)?;
        let is_legacy = parts
            .extensions
            .get::<MatchedPath>()
            .is_some_and(|path| path.as_str().starts_with(LEGACY));
        let era = if is_legacy { Era::Legacy } else { Era::Current };
        let Ok(call) = Call::from_request_parts(parts, app).await;
        Ok(Self { call, store, name, era })
    }
}

fn bad_path() -> HttpError {
    let message = "the path is not valid UTF-8 once its percent-encoding is decoded";
    HttpError::new(ErrorKind::BadField, message)
}

const WRITTEN: HeaderName = HeaderName::from_static("x-pinecone-request-lsn");
const SEEN: HeaderName = HeaderName::from_static("x-pinecone-max-indexed-lsn");

/// Says which number in the log of the index a write has.
pub(super) fn with_written_lsn(response: Response<Body>, lsn: u64) -> Response<Body> {
    with_lsn(response, WRITTEN, lsn)
}

/// Says up to which number of the log a read has seen.
pub(super) fn with_seen_lsn(response: Response<Body>, lsn: u64) -> Response<Body> {
    with_lsn(response, SEEN, lsn)
}

// A store without a log has 0.
fn with_lsn(mut response: Response<Body>, name: HeaderName, lsn: u64) -> Response<Body> {
    if lsn > 0 {
        response.headers_mut().insert(name, HeaderValue::from(lsn));
    }
    response
}
