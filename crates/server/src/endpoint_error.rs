//! What the control plane's errors are to a client.

use std::time::Duration;

use axum::http::StatusCode;
use endpoints::{
    AuthError, ControlError, ExamineError, KeyError, NameError, NotReady, SpecError, StoreError,
};

use crate::error::{ErrorKind, HttpError, RESTART_RETRY};
use crate::indexes::chain;

/// What went wrong with an endpoint or a key, as far as clients treat it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointErrorKind {
    /// The server is no control plane.
    NoEndpoints,
    /// No endpoint of this name.
    UnknownEndpoint,
    /// No key of this number.
    UnknownKey,
    /// What is asked for cannot be.
    Refused,
    /// The key may not.
    Forbidden,
    /// The key has used up its tokens.
    OverRate,
    /// The endpoint is paused.
    Paused,
    /// The endpoint was given up.
    GivenUp,
    /// No replica is ready yet.
    Waking,
    /// No replica answered.
    Unreachable,
    /// The disk took nothing; all is as it was.
    NoSpace,
    /// The database or the machine failed.
    Failed,
}

impl EndpointErrorKind {
    /// Returns the status, the same in all dialects. Old clients repeat a 503 without end, so it is for
    /// what will pass by itself.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoEndpoints => StatusCode::NOT_IMPLEMENTED,
            Self::UnknownEndpoint | Self::UnknownKey => StatusCode::NOT_FOUND,
            Self::Refused => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::OverRate => StatusCode::TOO_MANY_REQUESTS,
            Self::Paused => StatusCode::CONFLICT,
            Self::GivenUp => StatusCode::FAILED_DEPENDENCY,
            Self::Waking => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Returns the error of a server that is no control plane.
pub(crate) fn no_endpoints() -> HttpError {
    let message = "this server is no control plane and has no endpoints; start `sembla serve` with a \
                   data directory of its own, and without --inference-only";
    error(EndpointErrorKind::NoEndpoints, message)
}

/// Returns the error of a name that nothing has, or that the asker may not see.
pub(crate) fn unknown_endpoint(namespace: &str, name: &str) -> HttpError {
    let message =
        format!("there is no endpoint `{namespace}/{name}`; list the endpoints for their names");
    error(EndpointErrorKind::UnknownEndpoint, message)
}

/// Makes an error of one of these kinds.
pub(crate) fn error(kind: EndpointErrorKind, message: impl Into<String>) -> HttpError {
    HttpError::new(ErrorKind::Endpoint(kind), message)
}

impl From<ControlError> for HttpError {
    fn from(err: ControlError) -> Self {
        let made = error(kind(&err), chain(&err));
        if err.is_retryable() { made.retry_after(RESTART_RETRY) } else { made }
    }
}

// No wildcard: a new variant must decide.
fn kind(err: &ControlError) -> EndpointErrorKind {
    match err {
        ControlError::NotFound { .. } => EndpointErrorKind::UnknownEndpoint,
        ControlError::Taken { .. }
        | ControlError::AlreadyRunning { .. }
        | ControlError::IsPaused { .. }
        | ControlError::OverBudget { .. }
        | ControlError::DoesNotFit { .. }
        | ControlError::Examine(ExamineError::Model { .. })
        | ControlError::Key(KeyError::NoScope | KeyError::NoTokens | KeyError::Last { .. }) => {
            EndpointErrorKind::Refused
        }
        ControlError::Key(KeyError::NotFound { .. }) => EndpointErrorKind::UnknownKey,
        ControlError::Store(StoreError::Full { .. } | StoreError::Unwritten { .. }) => {
            EndpointErrorKind::NoSpace
        }
        ControlError::Examine(ExamineError::Runtime(_))
        | ControlError::Key(KeyError::NoRandomness { .. })
        | ControlError::Runtime(_)
        | ControlError::Store(_) => EndpointErrorKind::Failed,
    }
}

impl From<KeyError> for HttpError {
    fn from(err: KeyError) -> Self {
        ControlError::Key(err).into()
    }
}

impl From<SpecError> for HttpError {
    fn from(err: SpecError) -> Self {
        Self::new(ErrorKind::BadField, err.to_string())
    }
}

impl From<NameError> for HttpError {
    fn from(err: NameError) -> Self {
        Self::new(ErrorKind::BadField, err.to_string())
    }
}

impl From<AuthError> for HttpError {
    fn from(err: AuthError) -> Self {
        let message = err.to_string();
        match err {
            AuthError::Missing => {
                let message = "an API key is needed; send it as `Authorization: Bearer KEY`";
                Self::new(ErrorKind::Unauthorized, message)
            }
            AuthError::Unknown => Self::new(ErrorKind::Unauthorized, "the API key is not known"),
            AuthError::Scope { .. } | AuthError::Namespace => {
                error(EndpointErrorKind::Forbidden, message)
            }
            AuthError::RateLimited { retry_after, .. } => {
                error(EndpointErrorKind::OverRate, message).retry_after(retry_after)
            }
        }
    }
}

/// Says why a request to an endpoint was not sent on.
pub(crate) fn not_ready(err: NotReady, namespace: &str, name: &str) -> HttpError {
    match err {
        NotReady::Paused(paused) => {
            let at = wire::timestamp::Timestamp::from_unix_ms(paused.at.millis());
            let message = format!(
                "the endpoint `{namespace}/{name}` is paused: {} paused it at {at}; resume it first",
                paused.by
            );
            error(EndpointErrorKind::Paused, message)
        }
        NotReady::Failed(status) => {
            let remedy = status.remedy.as_deref().unwrap_or("update or resume it");
            let message = format!(
                "the endpoint `{namespace}/{name}` has failed: {}; {remedy}",
                status.reason
            );
            error(EndpointErrorKind::GivenUp, message)
        }
        NotReady::Deleted => unknown_endpoint(namespace, name),
        NotReady::Late(status) => late(&status, namespace, name),
        NotReady::Control(err) => err.into(),
    }
}

fn late(status: &endpoints::Status, namespace: &str, name: &str) -> HttpError {
    let expected = match status.eta {
        Some(eta) => format!("one is expected in {} s", eta.as_secs_f32().ceil()),
        None => "none was ever ready, so that nobody knows how long it takes".to_owned(),
    };
    let why = match status.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    let message = format!(
        "the endpoint `{namespace}/{name}` is {}{why}: no replica is ready yet, and {expected}",
        status.state
    );
    error(EndpointErrorKind::Waking, message).retry_after(status.eta.unwrap_or(UNKNOWN_START))
}

/// What a client is told to wait for a start of which nothing is known.
const UNKNOWN_START: Duration = Duration::from_secs(5);
