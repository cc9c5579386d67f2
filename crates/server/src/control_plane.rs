//! The control plane, as the routes of endpoints and the gateway use it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use endpoints::Control;

use crate::asker::Asker;
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::HttpError;
use crate::sagemaker::{Artifacts, NoArtifacts};

/// What the operator decides about the routes of endpoints.
#[derive(Debug, Clone)]
pub struct ControlPlaneSettings {
    /// Whose the endpoints are of a client that asks who it is.
    pub default_namespace: String,
    /// How long a request waits for a replica if it does not say so itself.
    pub hold_limit: Duration,
    /// Which models a client may name who is not the owner of the server.
    pub models: ModelRule,
}

/// Judges whether a client may name a model. `Err` says why not.
#[derive(Clone)]
pub struct ModelRule(Arc<Judge>);

type Judge = dyn Fn(&str) -> Result<(), String> + Send + Sync;

impl ModelRule {
    /// Judges by what `judge` says, which may look at the file system.
    pub fn new(judge: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(judge))
    }

    pub(crate) fn check(&self, source: &str) -> Result<(), HttpError> {
        (self.0)(source).map_err(|why| error(EndpointErrorKind::Refused, why))
    }
}

impl fmt::Debug for ModelRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ModelRule")
    }
}

/// The control plane and what the routes need beside it.
#[derive(Clone)]
pub struct ControlPlane {
    control: Control,
    settings: ControlPlaneSettings,
    artifacts: Arc<dyn Artifacts>,
}

impl ControlPlane {
    /// Makes the routes of endpoints answer for `control`.
    pub fn new(control: Control, settings: ControlPlaneSettings) -> Self {
        Self { control, settings, artifacts: Arc::new(NoArtifacts) }
    }

    /// Takes models from archives, too.
    #[must_use]
    pub fn with_artifacts(self, artifacts: Arc<dyn Artifacts>) -> Self {
        Self { artifacts, ..self }
    }

    pub(crate) fn artifacts(&self) -> &dyn Artifacts {
        &*self.artifacts
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Returns what this one is called as somebody who did something: its key has a name, or whoever has
    /// none is the owner of the default namespace.
    pub(crate) fn name_of(&self, asker: &Asker) -> String {
        asker.name().unwrap_or(&self.settings.default_namespace).to_owned()
    }

    pub(crate) fn settings(&self) -> &ControlPlaneSettings {
        &self.settings
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ControlPlane").field("settings", &self.settings).finish()
    }
}
