//! A request for a model: its path says which deployment, and is sent on to the endpoint behind it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response};
use endpoints::{Endpoint, Scope};

use super::super::errors::BasetenErrors;
use crate::App;
use crate::asker::Asker;
use crate::baseten::{Baseten, Place, predict_route};
use crate::echo;
use crate::endpoint_error::{EndpointErrorKind, error, no_endpoints, unknown_endpoint};
use crate::error::{ErrorKind, HttpError};
use crate::gateway::{self, Asked, Target};
use crate::middleware::auth;

/// Which deployment has answered.
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-sembla-deployment");

const PREFIX: &str = "/b10/model-";

/// Sends a request on to a deployment of a model.
///
/// Behind `model-` stands the id of a model, or the name of an endpoint that was made otherwise. Then comes
/// which deployment: `environments/{name}`, `production`, `development` or `deployment/{id}`; then `predict`, which is
/// the route that the Truss calls its predict_endpoint, or `sync/` with any route.
#[utoipa::path(
    method(get, post), path = "/b10/{model}/{*rest}", tag = "Baseten",
    params(
        ("model" = String, Path, description = "`model-` and an id"),
        ("rest" = String, Path, description = "Such as `production/predict`")
    ),
    request_body = serde_json::Value,
    responses((status = 200, description = "As the replica answers", body = serde_json::Value), BasetenErrors)
)]
pub(crate) async fn predict(State(app): State<App>, request: Request) -> Response<Body> {
    match send_on(&app, request).await {
        Ok(response) => response,
        Err(err) => auth::refuse(err),
    }
}

async fn send_on(app: &App, request: Request) -> Result<Response<Body>, HttpError> {
    let plane = app.control_plane().ok_or_else(no_endpoints)?;
    let (parts, body) = request.into_parts();
    let uri = parts.uri.clone();
    let path = Path::parse(uri.path()).ok_or_else(no_such_route)?;
    let asker = Asker::identify(app, &parts.extensions, &parts.headers)?;
    let baseten = Baseten::of(plane);
    // Whoever may not ask does not hear what there is.
    asker.may(Scope::Invoke, Some(&baseten.namespace().parse()?))?;
    let (endpoint, deployment) = chosen(&baseten, path)?;
    let route = match path.action {
        Action::Predict => predict_route(&endpoint),
        Action::Sync("") => "/",
        Action::Sync(route) => route,
    };
    let target = Target {
        namespace: baseten.namespace(),
        name: endpoint.record.name.as_str(),
        rest: route,
        query: uri.query(),
    };
    let patience = plane.settings().hold_limit;
    let asked = Asked { target, asker: Ok(asker), parts, body, patience };
    let mut response = gateway::forward(app, asked).await?;
    if let Ok(deployment) = HeaderValue::try_from(deployment) {
        response.headers_mut().insert(DEPLOYMENT, deployment);
    }
    Ok(response)
}

/// Returns the endpoint that a request is for, and what its deployment is called.
fn chosen(baseten: &Baseten, path: Path<'_>) -> Result<(Endpoint, String), HttpError> {
    if let Ok(model) = baseten.model(path.model) {
        let deployment = model.pick(path.place)?;
        let endpoint = baseten.endpoint(&deployment.endpoint);
        let gone = || unknown_endpoint(baseten.namespace(), &deployment.endpoint);
        return Ok((endpoint.ok_or_else(gone)?, deployment.id.clone()));
    }
    // One that was imported, or made otherwise, is its only deployment.
    if let Some(endpoint) = baseten.endpoint(path.model) {
        return Ok((endpoint, path.model.to_owned()));
    }
    let message = format!(
        "there is no model and no endpoint `{}`; behind `model-` stands the id that `truss push` prints, or the name \
         of an endpoint",
        echo::shorten(path.model.to_owned())
    );
    Err(error(EndpointErrorKind::UnknownEndpoint, message))
}

/// A path, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Path<'a> {
    model: &'a str,
    place: Place<'a>,
    action: Action<'a>,
}

/// What a deployment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action<'a> {
    Predict,
    /// A route of its replicas, with its `/`.
    Sync(&'a str),
}

impl<'a> Path<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let (model, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let (first, rest) = rest.split_once('/')?;
        let (place, rest) = match first {
            "production" => (Place::Environment("production"), rest),
            "development" => (Place::Development, rest),
            "environments" => {
                let (name, rest) = rest.split_once('/')?;
                (Place::Environment(name), rest)
            }
            "deployment" => {
                let (id, rest) = rest.split_once('/')?;
                (Place::Deployment(id), rest)
            }
            _ => return None,
        };
        let action = match rest {
            "predict" => Action::Predict,
            _ => Action::Sync(
                rest.strip_prefix("sync").filter(|it| it.is_empty() || it.starts_with('/'))?,
            ),
        };
        Some(Self { model, place, action })
    }
}

fn no_such_route() -> HttpError {
    let message = "a model is asked at /b10/model-ID/ and then environments/NAME, production, development or \
                   deployment/ID, and then predict or sync/ROUTE; there is no async_predict here";
    HttpError::new(ErrorKind::UnknownRoute, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_which_deployment_and_which_route() {
        fn parse(path: &str) -> Option<(&str, Place<'_>, Action<'_>)> {
            Path::parse(path).map(|it| (it.model, it.place, it.action))
        }
        for (path, place, action) in [
            ("production/predict", Place::Environment("production"), Action::Predict),
            ("environments/production/predict", Place::Environment("production"), Action::Predict),
            (
                "environments/qa/sync/v1/embeddings",
                Place::Environment("qa"),
                Action::Sync("/v1/embeddings"),
            ),
            ("development/predict", Place::Development, Action::Predict),
            ("deployment/abc/sync", Place::Deployment("abc"), Action::Sync("")),
            ("deployment/abc/sync/", Place::Deployment("abc"), Action::Sync("/")),
        ] {
            let path = format!("/b10/model-x1/{path}");
            assert_eq!(parse(&path), Some(("x1", place, action)), "{path}");
        }
        for path in [
            "/b10/model-x1",
            "/b10/x1/production/predict",
            "/b10/model-x1/predict",
            "/b10/model-x1/production/",
            "/b10/model-x1/production/async_predict",
            "/b10/model-x1/production/synchronous",
            "/b10/model-x1/environments/predict",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
