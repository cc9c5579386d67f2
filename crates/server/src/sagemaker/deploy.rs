//! Makes endpoints of the control plane for variants: brings their archives, makes them, and hears what cannot
//! be.

use endpoints::{ControlError, Namespace, Spec};

use super::artifact::Artifact;
use super::objects::{Deployment, Stage, Variant};
use super::{Sagemaker, names, spec};
use crate::indexes::chain;

impl Sagemaker {
    /// Does in the background what an endpoint has yet to have done.
    pub(crate) fn carry_out(&self, name: String) {
        let this = self.clone();
        // Ends with what it does; what it had not done when the server ends is gone on with at the next start.
        tokio::spawn(async move {
            if let Err(err) = this.prepare(&name).await {
                tracing::debug!(endpoint = name, why = err.message, "a deployment was given up");
            }
        });
    }

    async fn prepare(&self, name: &str) -> Result<(), crate::error::HttpError> {
        let deployment = self.deployment(name)?;
        let is_only = deployment.variants.len() == 1;
        for variant in deployment.variants.iter().filter(|it| it.stage == Stage::Preparing) {
            let stage = match self.make(name, variant, is_only).await {
                Ok(endpoint) => Stage::Made(endpoint),
                Err(why) => Stage::Refused(why),
            };
            if !self.note(&deployment, variant.name(), stage.clone()).await? {
                // Deleted meanwhile: nobody asks for it any more.
                self.delete_behind(&Variant { stage, ..variant.clone() }).await;
            }
        }
        if deployment.next.is_some() {
            self.carry_update_out(name).await?;
        }
        Ok(())
    }

    /// Keeps how far a variant is; returns whether it is there still.
    async fn note(
        &self,
        of: &Deployment,
        variant: &str,
        stage: Stage,
    ) -> Result<bool, crate::error::HttpError> {
        let (created, variant) = (of.created, variant.to_owned());
        let is_known = self.deployment(&of.name).is_ok_and(|now| now.created == created);
        if !is_known {
            return Ok(false);
        }
        let noted = self.change(&of.name, move |deployment| {
            let mut variants = deployment.variants.iter_mut();
            if let Some(known) = variants.find(|known| known.name() == variant) {
                known.stage = stage;
            }
            Ok(())
        });
        noted.await.map(|_| true)
    }

    /// Makes the endpoint behind a variant, and returns its name. One that was made for it before the server
    /// was started again is taken.
    pub(super) async fn make(
        &self,
        endpoint: &str,
        variant: &Variant,
        is_only: bool,
    ) -> Result<String, String> {
        let spec = self.spec(endpoint, variant).await?;
        let namespace: Namespace = self.namespace().parse().map_err(|err| chain(&err))?;
        let mut last = None;
        for name in names::own(endpoint, variant.name(), is_only) {
            let found = self.plane.control().get(namespace.as_str(), name.as_str());
            if found.is_ok_and(|it| spec::is_of(&it.record.body.spec, endpoint, variant.name())) {
                return Ok(name.as_str().to_owned());
            }
            let create = self.plane.control().create(namespace.clone(), name.clone(), spec.clone());
            match create.await {
                Ok(_) => return Ok(name.as_str().to_owned()),
                Err(err @ ControlError::Taken { .. }) => last = Some(err),
                Err(err) => return Err(chain(&err)),
            }
        }
        Err(last.map_or_else(|| "no name is left for it".to_owned(), |err| chain(&err)))
    }

    /// Returns the spec of a variant, whose archive is here then.
    pub(super) async fn spec(&self, endpoint: &str, variant: &Variant) -> Result<Spec, String> {
        let container = spec::container(&variant.model).map_err(|err| err.message)?;
        spec::check_task(container)?;
        let artifact: Option<Artifact> = match spec::archive(container) {
            Some(url) => Some(self.plane.artifacts().bring(url).await?),
            None => None,
        };
        spec::of_variant(endpoint, variant, artifact).map_err(|err| err.message)
    }

    /// Deletes the endpoint behind a variant, if there is one.
    pub(crate) async fn delete_behind(&self, variant: &Variant) {
        let Some(endpoint) = variant.endpoint() else { return };
        match self.plane.control().delete(self.namespace(), endpoint).await {
            Ok(()) | Err(ControlError::NotFound { .. }) => {}
            Err(err) => {
                tracing::warn!(endpoint, error = chain(&err), "an endpoint was not deleted")
            }
        }
    }
}
