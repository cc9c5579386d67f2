//! Whether the server lives, and whether it is ready. Neither asks an engine, so neither waits
//! behind a batch. Also `/metrics`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};
use index::{IndexDescription, VectorStore as _};
use tokio::task;
use wire::tei::ErrorBody;

use crate::App;
use crate::call::Call;
use crate::error::HttpError;
use crate::metrics::records_page;
use crate::models::ModelState;

/// Answers 200 as long as the process runs.
#[utoipa::path(
    get, path = "/live", tag = "Health",
    responses((status = 200, description = "The process runs"))
)]
pub(crate) async fn live() {}

/// Answers 200 when all models are ready, 503 before that and while the server shuts down.
#[utoipa::path(
    get, path = "/ready", tag = "Health",
    responses(
        (status = 200, description = "All models answer"),
        (status = 503, description = "One is loading or failed, or the server shuts down", body = ErrorBody)
    )
)]
pub(crate) async fn ready(call: Call) -> Result<(), HttpError> {
    call.check_ready()
}

/// The same as `/ready`, under the name that text-embeddings-inference has for it.
#[utoipa::path(
    get, path = "/health", tag = "Health",
    responses(
        (status = 200, description = "All models answer"),
        (status = 503, description = "One is loading or failed, or the server shuts down", body = ErrorBody)
    )
)]
pub(crate) async fn health(call: Call) -> Result<(), HttpError> {
    call.check_ready()
}

/// The same as `/ready`, under the name that Amazon SageMaker has for it.
#[utoipa::path(
    get, path = "/ping", tag = "Health",
    responses(
        (status = 200, description = "All models answer"),
        (status = 503, description = "One is loading or failed, or the server shuts down", body = ErrorBody)
    )
)]
pub(crate) async fn ping(call: Call) -> Result<(), HttpError> {
    call.check_ready()
}

/// The same as `/ready`, for clients that probe an endpoint's address.
#[utoipa::path(
    get, path = "/", tag = "Health",
    responses(
        (status = 200, description = "All models answer"),
        (status = 503, description = "One is loading or failed, or the server shuts down", body = ErrorBody)
    )
)]
pub(crate) async fn probe_root(call: Call) -> Result<(), HttpError> {
    call.check_ready()
}

/// Shows counters, gauges and histograms in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "Health",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response<Body> {
    let indexes = indexes(&app).await;
    // Folds the samples of some seconds into buckets, so not on this thread; and not behind the
    // answers that are being written.
    let page = task::spawn_blocking(move || {
        let loads = app.models().iter().filter_map(|served| match served.state() {
            ModelState::Ready(engine) => Some((served.config.name.as_str(), engine.load())),
            ModelState::Loading | ModelState::Failed(_) => None,
        });
        app.metrics().render(loads) + &records_page(&indexes)
    });
    let page = page.await.expect("rendering metrics does not panic");
    let mut response = Response::new(Body::from(page));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Returns the indexes of the data directory. A store elsewhere has metrics of its own, and would have to
/// be asked over the network.
async fn indexes(app: &App) -> Vec<IndexDescription> {
    let Ok(store) = app.embedded() else { return Vec::new() };
    // An index that cannot be read fails each request for it, which is counted; the page goes on.
    store.list_indexes().await.unwrap_or_default()
}
