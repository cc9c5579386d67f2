//! What is there, in Baseten's words.

use std::time::Duration;

use ::wire::timestamp::Timestamp;
use endpoints::{Endpoint, Scaling, State};
use wire::baseten as wire;

use super::Baseten;
use super::objects::{Deployment, Environment, Model};

impl Baseten {
    pub(crate) fn describe_model(&self, model: &Model) -> wire::Model {
        let newest = model.deployments.last();
        wire::Model {
            id: model.id.clone(),
            created_at: Timestamp::from_unix_ms(model.created),
            name: model.name.clone(),
            deployments_count: model.deployments.len(),
            production_deployment_id: model.production().map(str::to_owned),
            development_deployment_id: model.draft().map(|draft| draft.id.clone()),
            instance_type_name: newest.map_or_else(String::new, |it| self.instance_type(it)),
        }
    }

    pub(crate) fn describe(&self, model: &Model, deployment: &Deployment) -> wire::Deployment {
        let endpoint = self.endpoint(&deployment.endpoint);
        let environment =
            model.environments.iter().find(|it| it.current.as_deref() == Some(&deployment.id));
        let (status, status_reason) = status(endpoint.as_ref());
        wire::Deployment {
            id: deployment.id.clone(),
            created_at: Timestamp::from_unix_ms(deployment.created),
            name: deployment.name.clone(),
            model_id: model.id.clone(),
            is_production: model.production() == Some(&deployment.id),
            is_development: deployment.is_draft,
            status: status.to_owned(),
            active_replica_count: endpoint.as_ref().map_or(0, |it| it.status.ready_replicas),
            autoscaling_settings: autoscaling(endpoint.as_ref()),
            instance_type_name: instance_type(endpoint.as_ref()),
            environment: environment.map(|environment| environment.name.clone()),
            status_reason,
            endpoint: deployment.endpoint.clone(),
        }
    }

    pub(crate) fn describe_environment(
        &self,
        model: &Model,
        environment: &Environment,
    ) -> wire::Environment {
        let described =
            |id: &str| model.deployment(id).ok().map(|deployment| self.describe(model, deployment));
        let candidate = environment.candidate.as_ref();
        wire::Environment {
            name: environment.name.clone(),
            created_at: Timestamp::from_unix_ms(environment.created),
            model_id: model.id.clone(),
            current_deployment: environment.current.as_deref().and_then(described),
            candidate_deployment: candidate.and_then(|it| described(&it.deployment)),
            in_progress_promotion: candidate
                .map(|it| wire::Promotion { percent_traffic_to_new_version: it.percent }),
            promotion_failure: environment.failure.clone(),
        }
    }

    /// Returns what a deployment was to run on.
    pub(crate) fn instance_type(&self, deployment: &Deployment) -> String {
        instance_type(self.endpoint(&deployment.endpoint).as_ref())
    }

    /// Returns the status of a deployment, in one word.
    pub(crate) fn status(&self, deployment: &Deployment) -> &'static str {
        status(self.endpoint(&deployment.endpoint).as_ref()).0
    }
}

fn status(endpoint: Option<&Endpoint>) -> (&'static str, Option<String>) {
    let Some(endpoint) = endpoint else {
        return ("FAILED", Some("the endpoint behind it was deleted; push it again".to_owned()));
    };
    let status = &endpoint.status;
    let word = match status.state {
        State::Pending => "DEPLOYING",
        State::Initializing => "LOADING_MODEL",
        // What served before the update goes on.
        State::Running | State::UpdateFailed => "ACTIVE",
        State::Updating => "UPDATING",
        State::Paused => "INACTIVE",
        State::ScaledToZero => "SCALED_TO_ZERO",
        State::Failed => "FAILED",
    };
    (word, Some(status.explanation()).filter(|reason| !reason.is_empty()))
}

fn instance_type(endpoint: Option<&Endpoint>) -> String {
    let labels = endpoint.map(|it| &it.record.body.spec.labels);
    labels.map_or_else(String::new, |it| format!("{} {}", it.instance_type, it.instance_size))
}

fn autoscaling(endpoint: Option<&Endpoint>) -> wire::Autoscaling {
    let scaling = endpoint.map(|it| &it.record.body.spec.scaling);
    wire::Autoscaling {
        min_replica: scaling.map_or(0, |it| it.min()),
        max_replica: scaling.map_or(0, |it| it.max()),
        scale_down_delay: scaling.and_then(Scaling::idle).unwrap_or(Duration::ZERO).as_secs(),
    }
}
