//! The shape of embeddings that `POST /` and `/invocations` answer: lists, unless a gateway says that of its
//! endpoint.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response};
use axum::response::IntoResponse as _;
use endpoints::Answers;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::App;
use crate::dialects::Dialect;
use crate::error::HttpError;
use crate::respond::pieces::Brackets;

/// With this header a gateway says the shape, so that a change of it needs no other replica.
pub(crate) const ANSWERS: HeaderName = HeaderName::from_static("x-sembla-answers");

const LISTS: HeaderValue = HeaderValue::from_static("lists");
const TOOLKIT: HeaderValue = HeaderValue::from_static("toolkit");
/// Stands before the name of a field, percent-encoded, since a name may have any letter.
const KEYED: &str = "keyed:";

/// Returns the value of [`ANSWERS`] for a shape.
pub(crate) fn header(answers: &Answers) -> HeaderValue {
    match answers {
        Answers::Lists => LISTS,
        Answers::Toolkit => TOOLKIT,
        Answers::Keyed(key) => {
            let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
            HeaderValue::try_from(format!("{KEYED}{key}")).expect("what is encoded is ASCII")
        }
    }
}

/// The shape of the answer to one request.
#[derive(Debug, Clone)]
pub(crate) struct RootAnswers(Answers);

impl FromRequestParts<App> for RootAnswers {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let value = parts.headers.get(ANSWERS);
        if value.is_some_and(|value| *value == TOOLKIT) {
            return Ok(Self(Answers::Toolkit));
        }
        let key = value.and_then(|value| value.to_str().ok()?.strip_prefix(KEYED));
        let key = key.map(|key| percent_decode_str(key).decode_utf8_lossy().into_owned());
        Ok(Self(key.map_or(Answers::Lists, Answers::Keyed)))
    }
}

/// The field of [`Answers::Toolkit`].
const EMBEDDINGS: Cow<'static, str> = Cow::Borrowed("embeddings");

impl RootAnswers {
    /// Returns how the embedding of one text stands in the answer.
    pub(crate) fn brackets(&self) -> Brackets {
        match &self.0 {
            Answers::Lists => Brackets::Nested,
            Answers::Toolkit => Brackets::FlatInObject(EMBEDDINGS),
            Answers::Keyed(key) => Brackets::InObject(Cow::Owned(key.clone())),
        }
    }

    /// Makes an error one of the dialect that the embeddings are in.
    pub(crate) fn shape(&self, answer: Result<Response<Body>, HttpError>) -> Response<Body> {
        match (answer, &self.0) {
            (Ok(response), _) => response,
            (Err(err), Answers::Lists | Answers::Keyed(_)) => err.into_response(),
            (Err(err), Answers::Toolkit) => {
                let mut response = err.into_response();
                response.extensions_mut().insert(Dialect::HuggingFace);
                response
            }
        }
    }
}
