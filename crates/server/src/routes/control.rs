//! Our own routes of the control plane: keys, and what endpoints cost.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use endpoints::{Detail, EndpointName, Key, KeyError, KeyId, LastKey, Scope, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::control::{Cost, CreateKey, Estimate, KeyList, NewKey};
use wire::huggingface_endpoints::CreateRequest;

use super::errors::ControlErrors;
use crate::App;
use crate::body::JsonBody;
use crate::dialects::{bad_field, control as dialect, huggingface_endpoints};
use crate::error::HttpError;
use crate::path::Names;
use crate::query_string::Parameters;
use crate::respond;
use crate::steward::Steward;

/// Adds the routes.
pub(crate) fn add_to(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .routes(routes!(create_key, list_keys))
        .routes(routes!(revoke_key))
        .routes(routes!(rotate_key))
        .routes(routes!(cost))
        .routes(routes!(estimate))
}

/// Makes a key. Its secret is shown this once. From the first key on, every request needs one.
#[utoipa::path(
    post, path = "/api/keys", tag = "Keys",
    request_body = CreateKey,
    responses((status = 201, description = "The key, with its secret", body = NewKey), ControlErrors)
)]
pub(crate) async fn create_key(
    steward: Steward,
    JsonBody(request): JsonBody<CreateKey>,
) -> Result<Response<Body>, HttpError> {
    let request = dialect::key_request(request)?;
    steward.may_in(Scope::Admin, request.namespace.as_ref())?;
    let made = steward.control().create_key(request).await?;
    let mut response = respond::json(&dialect::new_key(made));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Lists the keys that the asker may change, without their secrets.
#[utoipa::path(
    get, path = "/api/keys", tag = "Keys",
    responses((status = 200, description = "In the order in which they were made", body = KeyList), ControlErrors)
)]
pub(crate) async fn list_keys(steward: Steward) -> Result<Response<Body>, HttpError> {
    steward.may_in_own(Scope::Admin)?;
    let mut keys = steward.control().keys();
    keys.retain(|key| steward.may_in(Scope::Admin, key.request.namespace.as_ref()).is_ok());
    Ok(respond::json(&KeyList { keys: keys.into_iter().map(dialect::key).collect() }))
}

/// Gives a key another secret. The old one is refused from then on.
#[utoipa::path(
    post, path = "/api/keys/{id}/rotate", tag = "Keys",
    params(("id" = i64, Path, description = "The number of the key")),
    responses((status = 200, description = "The key, with its new secret", body = NewKey), ControlErrors)
)]
pub(crate) async fn rotate_key(
    steward: Steward,
    Names(id): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let id = own_key(&steward, &id)?.id;
    let rotated = steward.control().rotate_key(id).await?;
    Ok(respond::json(&dialect::new_key(rotated)))
}

/// Revokes a key: it is refused from then on. The last one stays unless the operator has set a key too, or
/// `open` says that anybody may do anything from then on.
#[utoipa::path(
    delete, path = "/api/keys/{id}", tag = "Keys",
    params(
        ("id" = i64, Path, description = "The number of the key"),
        ("open" = Option<bool>, Query, description = "Whether the last key may go; false if absent")
    ),
    responses((status = 200, description = "The key that was", body = wire::control::Key), ControlErrors)
)]
pub(crate) async fn revoke_key(
    steward: Steward,
    State(app): State<App>,
    Names(id): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    let id = own_key(&steward, &id)?.id;
    parameters.only(&["open"])?;
    let is_meant = parameters.switch("open")? == Some(true);
    let is_guarded = is_meant || !app.config().api_keys.is_empty();
    let last = if is_guarded { LastKey::Revoke } else { LastKey::Keep };
    let revoked = steward.control().revoke_key(id, last).await?;
    Ok(respond::json(&dialect::key(revoked)))
}

// A key that the asker may not change is as unknown as one that does not exist.
fn own_key(steward: &Steward, id: &str) -> Result<Key, HttpError> {
    steward.may_in_own(Scope::Admin)?;
    let number = id.parse().map_err(|_| bad_field("id", "a key has a number"))?;
    let mut keys = steward.control().keys().into_iter();
    let found = keys.find(|key| {
        let namespace = key.request.namespace.as_ref();
        key.id == KeyId(number) && steward.may_in(Scope::Admin, namespace).is_ok()
    });
    Ok(found.ok_or(KeyError::NotFound { id: KeyId(number) })?)
}

/// Shows what was used under the name of an endpoint, also of one that was deleted, and what it cost.
#[utoipa::path(
    get, path = "/api/endpoints/{namespace}/{endpoint}/cost", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose"),
        ("endpoint" = String, Path, description = "Its name"),
        ("since" = Option<u64>, Query, description = "Milliseconds since 1970; all if absent"),
        ("rows" = Option<bool>, Query, description = "Whether the requests by minute and key are listed; true if absent")
    ),
    responses((status = 200, description = "What ended within the last second may be missing", body = Cost), ControlErrors)
)]
pub(crate) async fn cost(
    steward: Steward,
    Names((namespace, name)): Names<(String, String)>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    let namespace = steward.may(Scope::Read, &namespace)?;
    parameters.only(&["since", "rows"])?;
    let since = Timestamp::from_millis(parameters.count("since", 0)? as u64);
    let detail = match parameters.switch("rows")? {
        Some(false) => Detail::Total,
        Some(true) | None => Detail::Rows,
    };
    let control = steward.control();
    let endpoint = control.get(namespace.as_str(), &name).ok();
    let name: EndpointName = name.parse()?;
    let account = control.usage(namespace, name, since, detail).await?;
    let spec = endpoint.as_ref().map(|endpoint| &endpoint.record.body.spec);
    let price = spec.map(|spec| control.prices().hour(&spec.labels));
    let budget = spec.and_then(|spec| spec.budget);
    Ok(respond::json(&dialect::cost(account, since, price, budget)))
}

/// Hours of an estimate that names none: a month of 30 days.
const MONTH: usize = 720;

/// Says what an endpoint would cost, without creating it.
#[utoipa::path(
    post, path = "/api/endpoints/{namespace}/estimate", tag = "Endpoints",
    params(
        ("namespace" = String, Path, description = "Whose it would be"),
        ("hours" = Option<u32>, Query, description = "For how many hours; 720 if absent")
    ),
    request_body = CreateRequest,
    responses((status = 200, description = "From its fewest replicas to its most", body = Estimate), ControlErrors)
)]
pub(crate) async fn estimate(
    steward: Steward,
    Names(namespace): Names<String>,
    parameters: Parameters,
    JsonBody(request): JsonBody<CreateRequest>,
) -> Result<Response<Body>, HttpError> {
    steward.may(Scope::Read, &namespace)?;
    parameters.only(&["hours"])?;
    let hours = u32::try_from(parameters.count("hours", MONTH)?)
        .map_err(|_| bad_field("hours", "there are not so many"))?;
    let spec = huggingface_endpoints::wanted(request, &steward.name())?.spec;
    let estimated =
        steward.control().estimate(&spec, Duration::from_secs(u64::from(hours) * 3_600));
    Ok(respond::json(&dialect::estimate(&estimated, hours)))
}
