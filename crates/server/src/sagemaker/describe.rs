//! What is there, in SageMaker's words.

use endpoints::State;
use wire::sagemaker::{EndpointDescription, VariantStatus, VariantSummary};

use super::names::{Arn, Kind};
use super::objects::{Deployment, Stage, Variant};
use super::{Sagemaker, spec};

/// The status of an endpoint or of one of its variants, in SageMaker's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Words {
    // In this order one of a variant is that of the endpoint before those above it.
    InService,
    OutOfService,
    Updating,
    Creating,
    Failed,
}

impl Words {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InService => "InService",
            Self::OutOfService => "OutOfService",
            Self::Updating => "Updating",
            Self::Creating => "Creating",
            Self::Failed => "Failed",
        }
    }
}

/// What is there of a variant.
struct Seen {
    words: Words,
    reason: String,
    ready: u32,
    wanted: u32,
}

impl Sagemaker {
    /// Returns the status of an endpoint, and why it failed.
    pub(crate) fn status(&self, deployment: &Deployment) -> (Words, Option<String>) {
        status_of(deployment, &self.look_at_all(deployment))
    }

    pub(crate) fn describe(&self, deployment: &Deployment, region: &str) -> EndpointDescription {
        let seen = self.look_at_all(deployment);
        let (words, failure_reason) = status_of(deployment, &seen);
        let variants = deployment.variants.iter().zip(seen);
        EndpointDescription {
            endpoint_name: deployment.name.clone(),
            endpoint_arn: Arn { kind: Kind::Endpoint, name: &deployment.name, region }.to_string(),
            endpoint_config_name: deployment.config.clone(),
            production_variants: variants.map(|(variant, seen)| summary(variant, seen)).collect(),
            endpoint_status: words.as_str().to_owned(),
            failure_reason,
            creation_time: deployment.created,
            last_modified_time: deployment.modified,
        }
    }

    fn look_at_all(&self, deployment: &Deployment) -> Vec<Seen> {
        deployment.variants.iter().map(|variant| self.look(variant)).collect()
    }

    fn look(&self, variant: &Variant) -> Seen {
        let wanted = spec::scaling(&variant.sent).map_or(1, |scaling| scaling.min().max(1));
        let endpoint = match &variant.stage {
            Stage::Preparing => {
                let reason = "its model is being brought here".to_owned();
                return Seen { words: Words::Creating, reason, ready: 0, wanted };
            }
            Stage::Refused(why) => {
                return Seen { words: Words::Failed, reason: why.clone(), ready: 0, wanted };
            }
            Stage::Made(endpoint) => endpoint,
        };
        let Ok(found) = self.plane.control().get(self.namespace(), endpoint) else {
            let reason =
                format!("the endpoint `{endpoint}` behind it was deleted; create it again");
            return Seen { words: Words::Failed, reason, ready: 0, wanted };
        };
        let status = found.status;
        let words = match status.state {
            State::Pending | State::Initializing => Words::Creating,
            // Some of what is wanted is still on its way, or one too many.
            State::Running if status.ready_replicas < status.target_replicas => Words::Updating,
            State::Running | State::ScaledToZero | State::UpdateFailed => Words::InService,
            State::Updating => Words::Updating,
            State::Paused => Words::OutOfService,
            State::Failed => Words::Failed,
        };
        let reason = status.explanation();
        let wanted = if words == Words::OutOfService { 0 } else { status.target_replicas };
        Seen { words, reason, ready: status.ready_replicas, wanted }
    }
}

fn status_of(deployment: &Deployment, seen: &[Seen]) -> (Words, Option<String>) {
    match seen.iter().max_by_key(|seen| seen.words) {
        Some(seen) if seen.words == Words::Failed => (Words::Failed, Some(seen.reason.clone())),
        _ if deployment.next.is_some() => (Words::Updating, None),
        Some(seen) => (seen.words, deployment.failure.clone()),
        None => (Words::Failed, Some("it has no variant".to_owned())),
    }
}

fn summary(variant: &Variant, seen: Seen) -> VariantSummary {
    let status = VariantStatus {
        status: seen.words.as_str().to_owned(),
        status_message: Some(seen.reason).filter(|reason| !reason.is_empty()),
    };
    VariantSummary {
        variant_name: variant.name().to_owned(),
        current_weight: variant.weight,
        desired_weight: variant.weight,
        current_instance_count: seen.ready.into(),
        desired_instance_count: seen.wanted.into(),
        // The vendor says nothing of one that serves.
        variant_status: if seen.words == Words::InService { Vec::new() } else { vec![status] },
    }
}
