//! Baseten: `/b10/model-{id}/…` of its models, `/b10/v1/…` of its management API, and `/graphql/`, which `truss push`
//! talks to.

mod graphql;
mod manage;
mod predict;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Adds the routes that see and change what is deployed.
pub(crate) fn add_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .routes(routes!(graphql::answer))
        // What becomes of the address in .trussrc, with `/` at its end and without one at ours.
        .route("/graphql", post(graphql::answer))
        .route("//graphql/", post(graphql::answer))
        .routes(routes!(manage::list_models))
        .routes(routes!(manage::get_model, manage::delete_model))
        .routes(routes!(manage::list_deployments))
        .routes(routes!(manage::get_deployment, manage::delete_deployment))
        .routes(routes!(manage::activate))
        .routes(routes!(manage::deactivate))
        .routes(routes!(manage::promote_to_production))
        .routes(routes!(manage::list_environments, manage::create_environment))
        .routes(routes!(manage::get_environment))
        .routes(routes!(manage::promote))
        // Where `truss push --wait` looks if it was told http://localhost:8000.
        .route("/v1/models/{model}/deployments/{deployment}", get(manage::get_deployment))
}

/// Adds the routes to models.
pub(crate) fn add_models_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router.routes(routes!(predict::predict))
}

/// Runs what must not stop half done if its client goes away.
async fn to_the_end<T: Send + 'static>(change: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(change).await {
        Ok(done) => done,
        Err(err) => std::panic::resume_unwind(err.into_panic()),
    }
}

/// Returns the milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
