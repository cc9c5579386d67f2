//! What an endpoint says of the deployment that it was made for.

use endpoints::{Endpoint, Opaque};
use serde_json::json;

const KEY: &str = "baseten";

/// Says that an endpoint is made for a deployment.
pub(super) fn of(model: &str, deployment: &str) -> Opaque {
    Opaque(json!({ KEY: { "model": model, "deployment": deployment } }))
}

/// Returns whether an endpoint was made for a deployment.
pub(super) fn is_of(endpoint: &Endpoint, deployment: &str) -> bool {
    read(endpoint).is_some_and(|(_, id)| id == deployment)
}

/// Returns the name of the model and the id of the deployment that an endpoint was made for.
pub(super) fn read(endpoint: &Endpoint) -> Option<(&str, &str)> {
    let mark = endpoint.record.body.spec.opaque.0.get(KEY)?;
    Some((mark.get("model")?.as_str()?, mark.get("deployment")?.as_str()?))
}
