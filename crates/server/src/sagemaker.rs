//! SageMaker's objects: models, endpoint configurations, and endpoints that split traffic between variants.
//!
//! Each variant is an endpoint of the control plane, and nothing below knows that. The objects themselves are
//! documents beside the endpoints; what an endpoint was made of is kept in it, so that its model and
//! its configuration may be deleted.
//!
//! Not here: HTTP, the vendor's JSON beyond what is kept, the gateway.

mod artifact;
mod create;
mod deploy;
mod describe;
mod names;
mod objects;
mod pick;
mod spec;
mod update;

pub use self::artifact::{Artifact, Artifacts, NoArtifacts, UploadPlace};
pub(crate) use self::names::{ACCOUNT, Arn, Kind, check as check_name};
pub(crate) use self::objects::{Config, Model};

use crate::control_plane::ControlPlane;

/// SageMaker's side of a control plane. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sagemaker {
    plane: ControlPlane,
}

impl Sagemaker {
    pub(crate) fn of(plane: &ControlPlane) -> Self {
        Self { plane: plane.clone() }
    }

    /// Goes on with what was begun before the server was started again.
    pub(crate) fn go_on(&self) {
        for deployment in self.deployments() {
            if deployment.is_under_way() {
                self.carry_out(deployment.name);
            }
        }
    }

    /// Returns whether there is an endpoint of ours of this name, whoever made it.
    pub(crate) fn is_endpoint(&self, name: &str) -> bool {
        self.plane.control().get(self.namespace(), name).is_ok()
    }

    fn namespace(&self) -> &str {
        &self.plane.settings().default_namespace
    }
}
