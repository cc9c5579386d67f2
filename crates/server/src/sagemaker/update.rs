//! Updates of an endpoint: what is new serves when all of it is ready, and what failed leaves what was.

use std::time::Duration;

use endpoints::State;

use super::Sagemaker;
use super::objects::{Deployment, Next, Stage, Variant};
use crate::error::HttpError;
use crate::indexes::chain;

/// How often it is looked whether what is new is ready. Each phase of an endpoint has a bound of its own.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Sagemaker {
    /// Carries an update out that is kept in the endpoint.
    pub(super) async fn carry_update_out(&self, name: &str) -> Result<(), HttpError> {
        let mut deployment = self.deployment(name)?;
        let Some(mut next) = deployment.next.take() else { return Ok(()) };
        let outcome = match self.bring_about(&deployment, &mut next).await {
            Ok(()) => self.all_ready(&next).await,
            Err(why) => Err(why),
        };
        match outcome {
            Ok(()) => self.take_over(&deployment, next).await,
            Err(why) => self.take_back(&deployment, next, why).await,
        }
    }

    /// Changes the endpoints of variants that stay, and makes those of new ones.
    async fn bring_about(&self, now: &Deployment, next: &mut Next) -> Result<(), String> {
        let is_only = next.variants.len() == 1;
        for variant in &mut next.variants {
            let same = now.variants.iter().find(|known| known.name() == variant.name());
            let stage = match same.and_then(Variant::endpoint) {
                Some(endpoint) => {
                    self.change_spec(&now.name, endpoint, variant).await?;
                    endpoint.to_owned()
                }
                None => self.make(&now.name, variant, is_only).await?,
            };
            variant.stage = Stage::Made(stage);
        }
        Ok(())
    }

    async fn change_spec(&self, name: &str, endpoint: &str, to: &Variant) -> Result<(), String> {
        let spec = self.spec(name, to).await?;
        let change = |_: &endpoints::Spec| Ok::<_, endpoints::ControlError>(spec.clone());
        let changed = self.plane.control().update(self.namespace(), endpoint, change).await;
        changed.map(drop).map_err(|err| chain(&err))
    }

    async fn all_ready(&self, next: &Next) -> Result<(), String> {
        for endpoint in next.variants.iter().filter_map(Variant::endpoint) {
            loop {
                let found = self.plane.control().get(self.namespace(), endpoint);
                let status = found.map_err(|err| chain(&err))?.status;
                match status.state {
                    // Whoever pauses it wants it so.
                    State::Running | State::ScaledToZero | State::Paused => break,
                    State::UpdateFailed | State::Failed => return Err(status.reason),
                    State::Pending | State::Initializing | State::Updating => {
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                }
            }
        }
        Ok(())
    }

    async fn take_over(&self, before: &Deployment, next: Next) -> Result<(), HttpError> {
        let kept: Vec<String> = next.variants.iter().map(|it| it.name().to_owned()).collect();
        let (created, shown) = (before.created, next.clone());
        let changed = self.change(&before.name, move |deployment| {
            if deployment.created == created {
                deployment.config = shown.config;
                deployment.variants = shown.variants;
                deployment.next = None;
                deployment.failure = None;
            }
            Ok(())
        });
        let is_there = changed.await.is_ok_and(|after| after.created == created);
        let gone =
            before.variants.iter().filter(|variant| !kept.iter().any(|it| it == variant.name()));
        for variant in gone {
            self.delete_behind(variant).await;
        }
        if !is_there {
            for variant in &next.variants {
                self.delete_behind(variant).await;
            }
        }
        Ok(())
    }

    async fn take_back(
        &self,
        before: &Deployment,
        next: Next,
        why: String,
    ) -> Result<(), HttpError> {
        for variant in &next.variants {
            match before.variants.iter().find(|known| known.name() == variant.name()) {
                None => self.delete_behind(variant).await,
                Some(known) => {
                    let Some(endpoint) = known.endpoint() else { continue };
                    if let Err(err) = self.change_spec(&before.name, endpoint, known).await {
                        tracing::warn!(endpoint, error = err, "an update was not rolled back");
                    }
                }
            }
        }
        let created = before.created;
        let changed = self.change(&before.name, move |deployment| {
            if deployment.created == created {
                deployment.next = None;
                deployment.failure = Some(format!("the update was rolled back: {why}"));
            }
            Ok(())
        });
        changed.await.map(drop)
    }

    /// Asks for other variants in place of those that serve.
    ///
    /// # Errors
    ///
    /// If an update or the creation is under way.
    pub(super) async fn ask_for(
        &self,
        name: &str,
        config: String,
        variants: Vec<Variant>,
        now: f64,
    ) -> Result<(), HttpError> {
        let changed = self.change(name, move |deployment| {
            if deployment.is_under_way() {
                let message = "Cannot update an endpoint that is being created or updated; wait until it \
                               is InService";
                return Err(HttpError::new(crate::error::ErrorKind::BadField, message));
            }
            deployment.next = Some(Next { config, variants });
            deployment.modified = now;
            Ok(())
        });
        changed.await?;
        self.carry_out(name.to_owned());
        Ok(())
    }
}
