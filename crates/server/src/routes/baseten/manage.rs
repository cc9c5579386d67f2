//! The management API: models, their deployments and environments.

use axum::body::Body;
use axum::http::Response;
use endpoints::{PausedBy, Scope};
use wire::baseten as wire;

use super::super::errors::BasetenErrors;
use super::{now, to_the_end};
use crate::baseten::{Baseten, Deployment, Model, Promotion};
use crate::body::JsonBody;
use crate::dialects::bad_field;
use crate::error::HttpError;
use crate::path::Names;
use crate::respond;
use crate::steward::Steward;

/// What the vendor's routes call two deployments that have no name of their own there.
const PRODUCTION: &str = "production";
const DEVELOPMENT: &str = "development";

fn open(steward: &Steward, scope: Scope) -> Result<Baseten, HttpError> {
    let baseten = Baseten::of(steward.plane());
    steward.may(scope, baseten.namespace())?;
    Ok(baseten)
}

/// Returns a deployment, which may also be named by what it answers for.
fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Deployment, HttpError> {
    match id {
        PRODUCTION => model.deployment(model.production().unwrap_or(id)),
        DEVELOPMENT => model.draft().map_or_else(|| model.deployment(id), Ok),
        id => model.deployment(id),
    }
}

/// Lists models.
#[utoipa::path(
    get, path = "/b10/v1/models", tag = "Baseten",
    responses((status = 200, description = "All of them", body = wire::ModelList), BasetenErrors)
)]
pub(crate) async fn list_models(steward: Steward) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Read)?;
    let models = baseten.models();
    let models = models.iter().map(|model| baseten.describe_model(model)).collect();
    Ok(respond::json(&wire::ModelList { models }))
}

/// Shows a model.
#[utoipa::path(
    get, path = "/b10/v1/models/{model}", tag = "Baseten",
    params(("model" = String, Path, description = "Its id")),
    responses((status = 200, description = "The model", body = wire::Model), BasetenErrors)
)]
pub(crate) async fn get_model(
    steward: Steward,
    Names(model): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Read)?;
    Ok(respond::json(&baseten.describe_model(&baseten.model(&model)?)))
}

/// Deletes a model with all its deployments.
#[utoipa::path(
    delete, path = "/b10/v1/models/{model}", tag = "Baseten",
    params(("model" = String, Path, description = "Its id")),
    responses((status = 200, description = "It is gone", body = wire::Deleted), BasetenErrors)
)]
pub(crate) async fn delete_model(
    steward: Steward,
    Names(model): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Admin)?;
    let deleted = wire::Deleted { id: model.clone(), deleted: true };
    to_the_end(async move { baseten.delete(&model).await }).await?;
    Ok(respond::json(&deleted))
}

/// Lists the deployments of a model.
#[utoipa::path(
    get, path = "/b10/v1/models/{model}/deployments", tag = "Baseten",
    params(("model" = String, Path, description = "Its id")),
    responses((status = 200, description = "All of them", body = wire::DeploymentList), BasetenErrors)
)]
pub(crate) async fn list_deployments(
    steward: Steward,
    Names(model): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Read)?;
    let model = baseten.model(&model)?;
    let deployments = model.deployments.iter();
    let deployments = deployments.map(|deployment| baseten.describe(&model, deployment)).collect();
    Ok(respond::json(&wire::DeploymentList { deployments }))
}

/// Shows a deployment.
#[utoipa::path(
    get, path = "/b10/v1/models/{model}/deployments/{deployment}", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("deployment" = String, Path, description = "Its id, `production` or `development`")
    ),
    responses((status = 200, description = "The deployment", body = wire::Deployment), BasetenErrors)
)]
pub(crate) async fn get_deployment(
    steward: Steward,
    Names((model, deployment)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Read)?;
    let model = baseten.model(&model)?;
    Ok(respond::json(&baseten.describe(&model, find(&model, &deployment)?)))
}

/// Deletes a deployment that answers for no environment.
#[utoipa::path(
    delete, path = "/b10/v1/models/{model}/deployments/{deployment}", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("deployment" = String, Path, description = "Its id")
    ),
    responses((status = 200, description = "It is gone", body = wire::Deleted), BasetenErrors)
)]
pub(crate) async fn delete_deployment(
    steward: Steward,
    Names((model, deployment)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Admin)?;
    let id = find(&baseten.model(&model)?, &deployment)?.id.clone();
    let deleted = wire::Deleted { id: id.clone(), deleted: true };
    to_the_end(async move { baseten.delete_deployment(&model, &id).await }).await?;
    Ok(respond::json(&deleted))
}

/// Resumes a deployment.
#[utoipa::path(
    post, path = "/b10/v1/models/{model}/deployments/{deployment}/activate", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("deployment" = String, Path, description = "Its id, `production` or `development`")
    ),
    responses((status = 200, description = "It starts", body = wire::Changed), BasetenErrors)
)]
pub(crate) async fn activate(
    steward: Steward,
    Names((model, deployment)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Admin)?;
    let model = baseten.model(&model)?;
    let endpoint = &find(&model, &deployment)?.endpoint;
    steward.control().resume(baseten.namespace(), endpoint).await?;
    Ok(respond::json(&wire::Changed { success: true }))
}

/// Pauses a deployment.
#[utoipa::path(
    post, path = "/b10/v1/models/{model}/deployments/{deployment}/deactivate", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("deployment" = String, Path, description = "Its id, `production` or `development`")
    ),
    responses((status = 200, description = "It is paused", body = wire::Changed), BasetenErrors)
)]
pub(crate) async fn deactivate(
    steward: Steward,
    Names((model, deployment)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Admin)?;
    let model = baseten.model(&model)?;
    let endpoint = &find(&model, &deployment)?.endpoint;
    let by = PausedBy::User(steward.name());
    steward.control().pause(baseten.namespace(), endpoint, by).await?;
    Ok(respond::json(&wire::Changed { success: true }))
}

/// Promotes a deployment to production.
#[utoipa::path(
    post, path = "/b10/v1/models/{model}/deployments/{deployment}/promote", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("deployment" = String, Path, description = "Its id, or `development`")
    ),
    request_body = wire::Promote,
    responses((status = 200, description = "The deployment", body = wire::Deployment), BasetenErrors)
)]
pub(crate) async fn promote_to_production(
    steward: Steward,
    Names((model, deployment)): Names<(String, String)>,
    JsonBody(asked): JsonBody<wire::Promote>,
) -> Result<Response<Body>, HttpError> {
    begin_promotion(&steward, (&model, &deployment, PRODUCTION), &asked).await
}

/// Lists the environments of a model.
#[utoipa::path(
    get, path = "/b10/v1/models/{model}/environments", tag = "Baseten",
    params(("model" = String, Path, description = "Its id")),
    responses((status = 200, description = "All of them", body = wire::EnvironmentList), BasetenErrors)
)]
pub(crate) async fn list_environments(
    steward: Steward,
    Names(model): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Read)?;
    let model = baseten.model(&model)?;
    let environments = model.environments.iter();
    let environments =
        environments.map(|environment| baseten.describe_environment(&model, environment)).collect();
    Ok(respond::json(&wire::EnvironmentList { environments }))
}

/// Makes an environment, to which a deployment can then be promoted.
#[utoipa::path(
    post, path = "/b10/v1/models/{model}/environments", tag = "Baseten",
    params(("model" = String, Path, description = "Its id")),
    request_body = wire::CreateEnvironment,
    responses((status = 200, description = "The environment", body = wire::Environment), BasetenErrors)
)]
pub(crate) async fn create_environment(
    steward: Steward,
    Names(model): Names<String>,
    JsonBody(asked): JsonBody<wire::CreateEnvironment>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Admin)?;
    let model = baseten.add_environment(&model, &asked.name, now()).await?;
    let environment = model.environment(&asked.name)?;
    Ok(respond::json(&baseten.describe_environment(&model, environment)))
}

/// Shows an environment.
#[utoipa::path(
    get, path = "/b10/v1/models/{model}/environments/{environment}", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("environment" = String, Path, description = "Its name")
    ),
    responses((status = 200, description = "The environment", body = wire::Environment), BasetenErrors)
)]
pub(crate) async fn get_environment(
    steward: Steward,
    Names((model, environment)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(&steward, Scope::Read)?;
    let model = baseten.model(&model)?;
    let environment = model.environment(&environment)?;
    Ok(respond::json(&baseten.describe_environment(&model, environment)))
}

/// Promotes a deployment to an environment: when it is ready, it gets all requests, or the share that is asked for.
#[utoipa::path(
    post, path = "/b10/v1/models/{model}/environments/{environment}/promote", tag = "Baseten",
    params(
        ("model" = String, Path, description = "The id of its model"),
        ("environment" = String, Path, description = "Its name")
    ),
    request_body = wire::Promote,
    responses((status = 200, description = "The deployment", body = wire::Deployment), BasetenErrors)
)]
pub(crate) async fn promote(
    steward: Steward,
    Names((model, environment)): Names<(String, String)>,
    JsonBody(asked): JsonBody<wire::Promote>,
) -> Result<Response<Body>, HttpError> {
    let Some(deployment) = &asked.deployment_id else {
        return Err(bad_field("deployment_id", "it is missing; send the id of the deployment"));
    };
    begin_promotion(&steward, (&model, deployment, &environment), &asked).await
}

async fn begin_promotion(
    steward: &Steward,
    (model, deployment, environment): (&str, &str, &str),
    asked: &wire::Promote,
) -> Result<Response<Body>, HttpError> {
    let baseten = open(steward, Scope::Admin)?;
    let id = find(&baseten.model(model)?, deployment)?.id.clone();
    let promotion = Promotion {
        environment: environment.to_owned(),
        percent: asked.percent_traffic_to_new_version.unwrap_or(100.0),
        ends_previous: asked.scale_down_previous_deployment.unwrap_or(true),
    };
    let (asked, of, promoted) = (baseten.clone(), model.to_owned(), id.clone());
    let promoting = async move { asked.promote(&of, &promoted, promotion, now()).await };
    let model = to_the_end(promoting).await?;
    Ok(respond::json(&baseten.describe(&model, model.deployment(&id)?)))
}
