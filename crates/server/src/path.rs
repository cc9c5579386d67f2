//! Names in a path, with a refusal in the dialect's own shape.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{ErrorKind, HttpError};

/// The parameters of a path. Unlike axum's own, a percent-encoding that is no UTF-8 is refused as
/// any other bad field.
pub(crate) struct Names<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Names<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(_) => Err(HttpError::new(
                ErrorKind::BadField,
                "the path is not valid UTF-8 once its percent-encoding is decoded; send the name of a \
                 model as UTF-8",
            )),
        }
    }
}
