//! A body as it came.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::App;
use crate::error::HttpError;

/// A body that its handler reads by itself. It keeps its room until it is dropped.
pub(crate) struct RawBody {
    pub(crate) bytes: Bytes,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl FromRequest<App> for RawBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &App) -> Result<Self, HttpError> {
        app.body_limits().take(request).await
    }
}
