//! The shape of embeddings that `POST /` answers: lists, unless a gateway says that of its endpoint.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response};
use axum::response::IntoResponse as _;

use crate::App;
use crate::dialects::Dialect;
use crate::error::HttpError;
use crate::respond::pieces::Brackets;

/// With this header a gateway says the shape, so that a change of it needs no other replica.
pub(crate) const ANSWERS: HeaderName = HeaderName::from_static("x-sembla-answers");
/// [`Answers::Lists`] in [`ANSWERS`].
pub(crate) const LISTS: HeaderValue = HeaderValue::from_static("lists");
/// [`Answers::Toolkit`] in [`ANSWERS`].
pub(crate) const TOOLKIT: HeaderValue = HeaderValue::from_static("toolkit");

/// The shape of the answer to one request at `/` or `/invocations`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answers {
    /// A list of embeddings for any input, as text-embeddings-inference has it.
    Lists,
    /// An object with `embeddings`, flat for a single text, as Hugging Face's inference toolkit has it
    /// for the task `sentence-embeddings`.
    Toolkit,
}

impl FromRequestParts<App> for Answers {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(match parts.headers.get(ANSWERS) {
            Some(value) if *value == TOOLKIT => Self::Toolkit,
            Some(_) | None => Self::Lists,
        })
    }
}

impl Answers {
    /// Returns how the embedding of one text stands in the answer.
    pub(crate) fn brackets(self) -> Brackets {
        match self {
            Self::Lists => Brackets::Nested,
            Self::Toolkit => Brackets::FlatInObject,
        }
    }

    /// Makes an error one of the dialect that the embeddings are in.
    pub(crate) fn shape(self, answer: Result<Response<Body>, HttpError>) -> Response<Body> {
        match (answer, self) {
            (Ok(response), _) => response,
            (Err(err), Self::Lists) => err.into_response(),
            (Err(err), Self::Toolkit) => {
                let mut response = err.into_response();
                response.extensions_mut().insert(Dialect::HuggingFace);
                response
            }
        }
    }
}
