//! A body as it came.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::App;
use crate::error::HttpError;

/// A body that its handler reads by itself. It keeps its room until it is dropped.
pub(crate) struct RawBody {
    pub(crate) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl FromRequest<App> for RawBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &App) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let limits = app.body_limits();
        let room = limits.admit(&parts.headers).await?;
        let bytes = limits.read(&parts.headers, body).await?;
        Ok(Self { bytes, _room: room })
    }
}
