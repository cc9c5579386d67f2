//! Names in a path, with a refusal in the dialect's own shape.

use axum::extract::path::ErrorKind as PathErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::dialects::Dialect;
use crate::error::{ErrorKind, HttpError};

/// The parameters of a path. Unlike axum's own, a percent-encoding that is no UTF-8 is refused as
/// any other bad field.
pub(crate) struct Names<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Names<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(err) => {
                let what = what_is_wrong(&err, Dialect::of_path(parts.uri.path()));
                let message = format!(
                    "the path is not valid UTF-8 once its percent-encoding is decoded; send {what} \
                     as UTF-8"
                );
                Err(HttpError::new(ErrorKind::BadField, message))
            }
        }
    }
}

// What stands in the place of the path that cannot be decoded.
fn what_is_wrong(err: &PathRejection, dialect: Dialect) -> &'static str {
    let PathRejection::FailedToDeserializePathParams(err) = err else { return "it" };
    let PathErrorKind::InvalidUtf8InPathParam { key } = err.kind() else { return "it" };
    let is_of_an_index = match dialect {
        Dialect::Sembla | Dialect::Pinecone | Dialect::PineconeData | Dialect::OpenSearch => true,
        Dialect::Tei
        | Dialect::OpenAi
        | Dialect::HuggingFace
        | Dialect::Sagemaker
        | Dialect::SagemakerControl
        | Dialect::AwsForm
        | Dialect::Baseten
        | Dialect::GraphQl => false,
    };
    match key.as_str() {
        "id" => "the id",
        "endpoint" => "the name of the endpoint",
        "namespace" => "the name of the namespace",
        "index" => "the name of the index",
        "name" if is_of_an_index => "the name of the index",
        _ => "the name of the model",
    }
}
