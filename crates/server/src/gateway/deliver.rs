//! Brings a request to a replica: to the least loaded one, and once more if that one dies on it.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use endpoints::{InFlight, LaunchId, NotReady, Route, View, Watched};
use hyper::body::Incoming;
use tokio::time;

use super::connection::Connection;
use super::pool::Pool;
use super::upload::Upload;
use crate::App;
use crate::call::shutting_down;
use crate::endpoint_error::{EndpointErrorKind, error, not_ready};
use crate::error::HttpError;

/// A request that is to be delivered.
pub(super) struct Delivery<'a> {
    pub(super) app: &'a App,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) upload: Upload,
    pub(super) usage: endpoints::Request,
    /// How long it waits for a replica.
    pub(super) patience: Duration,
}

/// The beginning of a replica's answer.
pub(super) struct Delivered {
    pub(super) response: Response<Incoming>,
    /// What the rest of it comes on.
    pub(super) line: Line,
    /// Counts the request until its answer is over.
    pub(super) in_flight: InFlight,
}

/// A connection, and where it is kept afterwards.
pub(super) struct Line {
    pub(super) connection: Connection,
    launch: LaunchId,
    pool: Pool,
}

/// Why a request was not delivered.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliveryError {
    /// No replica to send it to.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The server was told to stop before there was one.
    #[error("the server is told to stop")]
    Stopping,
    /// Replicas took it, or would not, and gave no answer.
    #[error("no replica answered")]
    Unreachable,
}

/// What became of an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// Nothing of an answer came.
    Lost,
    /// What came was no answer.
    Spoiled,
}

/// How long a replica that failed a request may still be among those that requests go to, before it is
/// asked once more. Its runtime usually knows within milliseconds that it has ended.
const SETTLING: Duration = Duration::from_secs(1);

impl Delivery<'_> {
    /// Delivers the request.
    ///
    /// # Errors
    ///
    /// If no replica becomes ready in time, or two attempts failed.
    pub(super) async fn deliver(&self, watched: &mut Watched) -> Result<Delivered, DeliveryError> {
        let view = ready(self.app, watched, self.patience).await?;
        let first = least_loaded(&view, None)?;
        match self.attempt(watched, first).await {
            Ok(delivered) => return Ok(delivered),
            Err(Failed::Lost) if self.upload.is_kept() => {}
            Err(Failed::Lost | Failed::Spoiled) => return Err(DeliveryError::Unreachable),
        }
        tracing::debug!(replica = %first.key, "a replica gave no answer; the request goes to another");
        self.settled(watched, first.launch).await;
        let view = ready(self.app, watched, self.patience).await?;
        let second = least_loaded(&view, Some(first.launch))?;
        self.attempt(watched, second).await.map_err(|_| DeliveryError::Unreachable)
    }

    async fn attempt(&self, watched: &Watched, route: &Route) -> Result<Delivered, Failed> {
        let in_flight = watched.begin(route, self.usage);
        let (response, connection) = self.send(route).await?;
        if self.came_too_late(&response, watched, route) {
            return Err(Failed::Lost);
        }
        let line = Line { connection, launch: route.launch, pool: self.app.replica_pool().clone() };
        Ok(Delivered { response, line, in_flight })
    }

    // A replica that was told to stop refuses what reaches it after that.
    fn came_too_late(
        &self,
        response: &Response<Incoming>,
        watched: &Watched,
        route: &Route,
    ) -> bool {
        response.status() == StatusCode::SERVICE_UNAVAILABLE
            && self.upload.is_kept()
            && !has_route(&watched.view(), route.launch)
    }

    /// Waits until a request can go elsewhere than to a replica that failed it; if that one stays the only
    /// one and well, it can go there.
    async fn settled(&self, watched: &mut Watched, failed: LaunchId) {
        let settled = async {
            let mut view = watched.view();
            while view.least_loaded(Some(failed)).is_none() && has_route(&view, failed) {
                view = watched.changed().await;
            }
        };
        // Late is as good: then it is asked again.
        let _ = time::timeout(SETTLING, settled).await;
    }

    async fn send(&self, route: &Route) -> Result<(Response<Incoming>, Connection), Failed> {
        // One that was kept may have been closed at this very moment, which says nothing about the
        // replica; what cannot be sent again does not go on it.
        if self.upload.is_kept()
            && let Some(kept) = self.app.replica_pool().take(route.launch)
        {
            match self.send_on(kept).await {
                Err(Failed::Lost) => {}
                done => return done,
            }
        }
        match self.app.replica_pool().connect(route).await {
            Ok(fresh) => self.send_on(fresh).await,
            Err(err) => {
                tracing::debug!(replica = %route.key, error = %err, "a replica cannot be reached");
                Err(Failed::Lost)
            }
        }
    }

    async fn send_on(
        &self,
        mut connection: Connection,
    ) -> Result<(Response<Incoming>, Connection), Failed> {
        let mut request = Request::new(self.upload.send());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        match connection.send(request).await {
            Ok(response) => Ok((response, connection)),
            Err(err) if err.is_parse() => Err(Failed::Spoiled),
            Err(err) => {
                tracing::debug!(error = %err, "a replica closed its connection");
                Err(Failed::Lost)
            }
        }
    }
}

/// Waits until an endpoint has a replica to send requests to.
///
/// # Errors
///
/// If it has none in time; or if the server is told to stop: whoever waits for a start would wait as long
/// as requests may take to finish, for nothing.
pub(super) async fn ready(
    app: &App,
    watched: &mut Watched,
    patience: Duration,
) -> Result<Arc<View>, DeliveryError> {
    tokio::select! {
        biased;
        ready = watched.ready(patience) => Ok(ready?),
        () = app.drains() => Err(DeliveryError::Stopping),
    }
}

fn least_loaded(view: &View, except: Option<LaunchId>) -> Result<&Route, DeliveryError> {
    let route = view.least_loaded(except).or_else(|| view.least_loaded(None));
    route.ok_or(DeliveryError::Unreachable)
}

fn has_route(view: &View, launch: LaunchId) -> bool {
    view.routes.iter().any(|route| route.launch == launch)
}

impl Line {
    /// Gives the connection back for the next request, if the answer is over.
    pub(super) fn keep(self) {
        self.pool.keep(self.launch, self.connection);
    }
}

impl DeliveryError {
    /// Says it to a client of this endpoint.
    pub(super) fn explained(self, namespace: &str, name: &str) -> HttpError {
        match self {
            Self::NotReady(err) => not_ready(err, namespace, name),
            Self::Stopping => shutting_down(),
            Self::Unreachable => {
                let message = format!(
                    "no replica of the endpoint `{namespace}/{name}` answered; its logs may say why. \
                     Send the request again"
                );
                error(EndpointErrorKind::Unreachable, message)
            }
        }
    }
}
