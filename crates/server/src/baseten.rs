//! Baseten's objects: models with deployments, and environments that say which of them answers.
//!
//! Each deployment is an endpoint of the control plane, and nothing below knows that. The models themselves are
//! documents beside the endpoints.
//!
//! Not here: HTTP, GraphQL, what a config.yaml means (see the crate `truss`), the gateway.

mod describe;
mod environments;
mod mark;
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
pub(crate) use self::spec::{judge, read as read_truss};
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

    /// Goes on with promotions that were begun before the server was started again, and deletes what was made for
    /// deployments that never came to be.
    pub(crate) fn go_on(&self) {
        let models = self.models();
        self.delete_orphans(&models);
        for model in models {
            for environment in &model.environments {
                if environment.candidate.as_ref().is_some_and(|candidate| !candidate.is_ready) {
                    self.follow(model.name.clone(), environment.name.clone());
                }
            }
        }
    }

    fn delete_orphans(&self, models: &[Model]) {
        let is_known = |of: &str, id: &str| {
            models.iter().any(|model| model.name == of && model.deployment(id).is_ok())
        };
        let endpoints = self.plane.control().list_all().into_iter();
        let mut orphans = endpoints
            .filter(|endpoint| mark::read(endpoint).is_some_and(|(model, id)| !is_known(model, id)))
            .peekable();
        if orphans.peek().is_none() {
            return;
        }
        let (this, orphans) = (self.clone(), orphans.collect::<Vec<_>>());
        tokio::spawn(async move {
            for orphan in orphans {
                let endpoint = orphan.record.name.as_str();
                tracing::info!(endpoint, "a push was cut off; its endpoint is deleted");
                this.delete_endpoint(endpoint).await;
            }
        });
    }

    async fn delete_endpoint(&self, endpoint: &str) {
        if let Err(err) = self.plane.control().delete(self.namespace(), endpoint).await {
            let error = crate::indexes::chain(&err);
            tracing::warn!(endpoint, error, "an endpoint was not deleted");
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
