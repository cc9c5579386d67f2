//! Baseten's objects: models with deployments, and environments that say which of them answers.
//!
//! Each deployment is an endpoint of the control plane, and nothing below knows that. The models themselves are
//! documents beside the endpoints.
//!
//! Not here: HTTP, GraphQL, what a config.yaml means (see the crate `truss`), the gateway.

mod describe;
mod environments;
mod names;
mod objects;
mod promote;
mod push;
mod spec;

use endpoints::Endpoint;

pub(crate) use self::environments::Place;
pub(crate) use self::objects::{Deployment, Model};
pub(crate) use self::promote::Promotion;
pub(crate) use self::push::{Of, Push};
pub(crate) use self::spec::judge;
use crate::control_plane::ControlPlane;

/// Baseten's side of a control plane. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Baseten {
    plane: ControlPlane,
}

impl Baseten {
    pub(crate) fn of(plane: &ControlPlane) -> Self {
        Self { plane: plane.clone() }
    }

    /// Goes on with promotions that were begun before the server was started again.
    pub(crate) fn go_on(&self) {
        for model in self.models() {
            for environment in &model.environments {
                if environment.candidate.as_ref().is_some_and(|candidate| !candidate.is_ready) {
                    self.follow(model.name.clone(), environment.name.clone());
                }
            }
        }
    }

    /// Returns an endpoint of ours, whoever made it.
    pub(crate) fn endpoint(&self, name: &str) -> Option<Endpoint> {
        self.plane.control().get(self.namespace(), name).ok()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.plane.settings().default_namespace
    }
}

/// Returns the route of an endpoint's replicas that answers `/predict`.
pub(crate) fn predict_route(endpoint: &Endpoint) -> &str {
    let route = endpoint.record.body.spec.image.variables.0.get(truss::PREDICT_ROUTE);
    route.map_or("/", String::as_str)
}
