//! Why a request is answered with an error, before any dialect gives it a status and a shape.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use engine::{EmbedError, InputError};

use crate::dialects::Place;
use crate::echo::{cut, shorten};
use crate::endpoint_error::EndpointErrorKind;
use crate::indexes::IndexErrorKind;

/// A request that is answered with an error. The layer `middleware::shape` gives it the status and
/// the JSON of the dialect whose route was called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HttpError {
    pub(crate) kind: ErrorKind,
    /// What is wrong, the limit and the remedy.
    pub(crate) message: String,
    /// The field at fault.
    pub(crate) param: Option<Cow<'static, str>>,
    /// When the same request may succeed.
    pub(crate) retry_after: Option<Duration>,
}

/// What went wrong, as far as clients treat it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Nothing to embed.
    EmptyInput,
    /// The body is not JSON.
    BadJson,
    /// A field has a value that cannot be used.
    BadField,
    /// The tokenizer failed.
    Tokenizer,
    /// The route is for another kind of model.
    WrongTask,
    /// The model failed, or could not be loaded.
    ModelFailed,
    /// Too much work is waiting.
    Overloaded,
    /// Not yet, or no longer.
    NotReady,
    /// No key, or an unknown one.
    Unauthorized,
    /// A signature that is not of this request, or too old.
    BadSignature,
    /// Several models are served, and none has this name.
    UnknownModel,
    /// No such route.
    UnknownRoute,
    /// The route has other methods.
    WrongMethod,
    /// The body is larger than the payload limit.
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The body says that it is something else than JSON, as a web page's may without being asked.
    ContentType,
    /// The body is compressed.
    ContentEncoding,
    /// The request names several hosts.
    BadHost,
    /// Another site's page, or a name that may be anybody's, stands in `Origin` or `Host`.
    ForeignPage,
    /// An index, or the store of indexes, has another answer.
    Index(IndexErrorKind),
    /// An endpoint, or the control plane, has another answer.
    Endpoint(EndpointErrorKind),
    /// A defect of the server.
    Internal,
}

impl ErrorKind {
    /// All kinds, in the order in which `docs/status-codes.md` has them.
    pub(crate) const ALL: [Self; 42] = [
        Self::EmptyInput,
        Self::BadJson,
        Self::BadField,
        Self::Tokenizer,
        Self::Unauthorized,
        Self::BadSignature,
        Self::UnknownModel,
        Self::UnknownRoute,
        Self::WrongMethod,
        Self::TooSlow,
        Self::TooLarge,
        Self::ContentType,
        Self::ContentEncoding,
        Self::BadHost,
        Self::ForeignPage,
        Self::Index(IndexErrorKind::NoIndexes),
        Self::Index(IndexErrorKind::UnknownIndex),
        Self::Index(IndexErrorKind::UnknownRecord),
        Self::Index(IndexErrorKind::Exists),
        Self::Index(IndexErrorKind::Protected),
        Self::Index(IndexErrorKind::WrongModel),
        Self::Index(IndexErrorKind::Unsupported),
        Self::Index(IndexErrorKind::NoSpace),
        Self::Index(IndexErrorKind::Unavailable),
        Self::Index(IndexErrorKind::Failed),
        Self::Endpoint(EndpointErrorKind::NoEndpoints),
        Self::Endpoint(EndpointErrorKind::UnknownEndpoint),
        Self::Endpoint(EndpointErrorKind::UnknownKey),
        Self::Endpoint(EndpointErrorKind::Refused),
        Self::Endpoint(EndpointErrorKind::Forbidden),
        Self::Endpoint(EndpointErrorKind::OverRate),
        Self::Endpoint(EndpointErrorKind::Paused),
        Self::Endpoint(EndpointErrorKind::GivenUp),
        Self::Endpoint(EndpointErrorKind::Waking),
        Self::Endpoint(EndpointErrorKind::Unreachable),
        Self::Endpoint(EndpointErrorKind::NoSpace),
        Self::Endpoint(EndpointErrorKind::Failed),
        Self::WrongTask,
        Self::ModelFailed,
        Self::Overloaded,
        Self::NotReady,
        Self::Internal,
    ];

    /// Returns the value of the label `err` of `te_request_failure`. The first seven are the words
    /// of text-embeddings-inference.
    pub(crate) fn failure_label(self) -> &'static str {
        match self {
            Self::EmptyInput | Self::BadJson | Self::BadField => "validation",
            Self::Tokenizer => "tokenization",
            Self::WrongTask => "model_type",
            Self::ModelFailed => "inference",
            Self::Overloaded => "overloaded",
            Self::NotReady => "not_ready",
            Self::Unauthorized | Self::BadSignature => "unauthorized",
            Self::UnknownModel | Self::UnknownRoute | Self::WrongMethod => "not_found",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::ContentType | Self::ContentEncoding | Self::BadHost | Self::ForeignPage => {
                "refused"
            }
            Self::Index(_) => "index",
            Self::Endpoint(_) => "endpoint",
            Self::Internal => "internal",
        }
    }
}

impl HttpError {
    /// Makes an error. What its message repeats of the request is cut.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: shorten(message.into()), param: None, retry_after: None }
    }

    /// Names the field at fault; a long name is cut.
    pub(crate) fn param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(match param.into() {
            Cow::Borrowed(ours) => Cow::Borrowed(ours),
            Cow::Owned(theirs) => Cow::Owned(cut(theirs)),
        });
        self
    }

    /// Says when the same request may succeed.
    pub(crate) fn retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Translates what the engine says about a request as a whole.
    pub(crate) fn from_embed_error(err: EmbedError, place: Place) -> Self {
        let (kind, param, retry_after) = match &err {
            EmbedError::NoInputs => (ErrorKind::EmptyInput, Some(place.field()), None),
            EmbedError::UnknownPrompt { .. } | EmbedError::PromptWithIds => {
                (ErrorKind::BadField, Some("prompt_name"), None)
            }
            EmbedError::Dimensions { .. } => (ErrorKind::BadField, Some("dimensions"), None),
            EmbedError::QueueFull { retry_after, .. }
            | EmbedError::TooManyRequests { retry_after, .. } => {
                (ErrorKind::Overloaded, None, Some(*retry_after))
            }
            EmbedError::ShuttingDown => (ErrorKind::NotReady, None, Some(RESTART_RETRY)),
        };
        let message = match param {
            Some(field) => format!("`{field}`: {err}"),
            None => err.to_string(),
        };
        Self { param: param.map(Cow::Borrowed), retry_after, ..Self::new(kind, message) }
    }

    /// Translates what the engine says about the input at `index`.
    pub(crate) fn from_input_error(err: &InputError, place: Place, index: usize) -> Self {
        let location = place.locate(index);
        Self::new(input_error_kind(err), format!("`{location}`: {err}")).param(location)
    }
}

/// Returns the kind of an error about one input.
pub(crate) fn input_error_kind(err: &InputError) -> ErrorKind {
    // No wildcard: a new variant must decide.
    match err {
        InputError::Empty => ErrorKind::EmptyInput,
        InputError::TooLong { .. } | InputError::UnknownId { .. } => ErrorKind::BadField,
        InputError::Tokenizer { .. } => ErrorKind::Tokenizer,
        InputError::NotFinite | InputError::BatchFailed => ErrorKind::ModelFailed,
    }
}

/// When a server that is shutting down may have a successor.
pub(crate) const RESTART_RETRY: Duration = Duration::from_secs(5);

impl IntoResponse for HttpError {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(err: HttpError, expected: Expect) {
        let HttpError { kind, message, param, retry_after } = err;
        expected.assert_eq(&format!("{kind:?} {param:?} {retry_after:?}: {message}"));
    }

    #[test]
    fn an_engine_error_names_the_field_and_keeps_its_retry() {
        let place = Place::list("input");
        check(
            HttpError::from_embed_error(EmbedError::Dimensions { got: 0, max: 384 }, place),
            expect![[
                r#"BadField Some("dimensions") None: `dimensions`: dimensions must be from 1 to 384, and 0 was asked for"#
            ]],
        );
        check(
            HttpError::from_embed_error(EmbedError::NoInputs, place),
            expect![[r#"EmptyInput Some("input") None: `input`: the request has no inputs"#]],
        );
        let full = EmbedError::QueueFull {
            queued_tokens: 10,
            max_queue_tokens: 8,
            retry_after: Duration::from_secs(3),
        };
        check(
            HttpError::from_embed_error(full, place),
            expect![
                "Overloaded None Some(3s): the queue is full: 10 tokens wait and at most 8 may (max_queue_tokens); try again in 3 s"
            ],
        );
    }

    #[test]
    fn an_input_error_names_the_input() {
        check(
            HttpError::from_input_error(&InputError::Empty, Place::list("inputs"), 3),
            expect![[r#"EmptyInput Some("inputs[3]") None: `inputs[3]`: the input is empty"#]],
        );
        check(
            HttpError::from_input_error(&InputError::NotFinite, Place::one("inputs"), 0),
            expect![[
                r#"ModelFailed Some("inputs") None: `inputs`: the model gave a value that is not finite for this input; its weights may be damaged"#
            ]],
        );
    }

    #[test]
    fn every_kind_is_listed_once() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            assert!(!ErrorKind::ALL[..index].contains(kind), "{kind:?} is listed twice");
        }
    }
}
