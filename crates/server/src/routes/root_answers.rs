//! The shape of embeddings that `POST /` answers: the server's, unless a gateway says that of its endpoint.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response};
use axum::response::IntoResponse as _;

use crate::App;
use crate::config::RootAnswers;
use crate::dialects::Dialect;
use crate::error::HttpError;
use crate::respond::pieces::Brackets;

/// With this header a gateway says the shape, so that a change of it needs no other replica.
pub(crate) const ANSWERS: HeaderName = HeaderName::from_static("x-sembla-answers");
/// [`RootAnswers::Lists`] in [`ANSWERS`].
pub(crate) const LISTS: HeaderValue = HeaderValue::from_static("lists");
/// [`RootAnswers::Toolkit`] in [`ANSWERS`].
pub(crate) const TOOLKIT: HeaderValue = HeaderValue::from_static("toolkit");

/// The shape of the answer to one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers(RootAnswers);

impl FromRequestParts<App> for Answers {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(match parts.headers.get(ANSWERS) {
            Some(value) if *value == LISTS => RootAnswers::Lists,
            Some(value) if *value == TOOLKIT => RootAnswers::Toolkit,
            Some(_) | None => app.config().root_answers,
        }))
    }
}

impl Answers {
    /// Returns how the embedding of one text stands in the answer.
    pub(crate) fn brackets(self) -> Brackets {
        match self.0 {
            RootAnswers::Lists => Brackets::Nested,
            RootAnswers::Toolkit => Brackets::FlatInObject,
        }
    }

    /// Makes an error one of the dialect that the embeddings are in.
    pub(crate) fn shape(self, answer: Result<Response<Body>, HttpError>) -> Response<Body> {
        match (answer, self.0) {
            (Ok(response), _) => response,
            (Err(err), RootAnswers::Lists) => err.into_response(),
            (Err(err), RootAnswers::Toolkit) => {
                let mut response = err.into_response();
                response.extensions_mut().insert(Dialect::HuggingFace);
                response
            }
        }
    }
}
