//! Promotions: a deployment takes an environment over, or a share of its requests, when it is ready.

use std::time::Duration;

use endpoints::State;

use super::Baseten;
use super::names::check_environment;
use super::objects::{Candidate, Deployment, Model};
use crate::dialects::bad_field;
use crate::error::HttpError;
use crate::indexes::chain;

/// How often it is looked whether a deployment is ready. Each phase of an endpoint has a bound of its own.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a promotion leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Promotion {
    pub(crate) environment: String,
    /// The share of the requests that the deployment gets, of 100.
    pub(crate) percent: f64,
    /// Whether replicas of what answered before may end.
    pub(crate) ends_previous: bool,
}

impl Promotion {
    pub(crate) fn all(environment: &str, ends_previous: bool) -> Self {
        Self { environment: environment.to_owned(), percent: 100.0, ends_previous }
    }
}

/// What became of a candidate.
enum Outcome {
    Ready,
    Failed(String),
}

impl Baseten {
    /// Begins a promotion. What answers now goes on until the deployment is ready.
    ///
    /// # Errors
    ///
    /// If there is no such model or deployment, or the share or the environment cannot be.
    pub(crate) async fn promote(
        &self,
        model: &str,
        deployment: &str,
        promotion: Promotion,
        now: u64,
    ) -> Result<Model, HttpError> {
        let model = self.model(model)?;
        let id = model.deployment(deployment)?.id.clone();
        let environment = promotion.environment.clone();
        let changed = self.change(&model.name, move |model| {
            // It may have been deleted since.
            model.deployment(&id)?;
            begin(model, &id, &promotion, now)
        });
        let model = changed.await?;
        self.follow(model.name.clone(), environment);
        Ok(model)
    }

    /// Makes an environment.
    ///
    /// # Errors
    ///
    /// If there is no such model, an environment of the name, or none can have it.
    pub(crate) async fn add_environment(
        &self,
        model: &str,
        name: &str,
        now: u64,
    ) -> Result<Model, HttpError> {
        check_environment(name)?;
        let model = self.model(model)?;
        let name = name.to_owned();
        let changed = self.change(&model.name, move |model| {
            if model.environment(&name).is_ok() {
                let problem = format!("model `{}` has an environment `{name}` already", model.name);
                return Err(bad_field("name", &problem));
            }
            model.environment_mut(&name, now);
            Ok(())
        });
        changed.await
    }

    /// Waits in the background until an environment's candidate is ready, and lets it in.
    pub(super) fn follow(&self, model: String, environment: String) {
        let this = self.clone();
        // Ends with the candidate; what is open when the server ends is followed again at the next start.
        tokio::spawn(async move {
            if let Err(err) = this.let_in(&model, &environment).await {
                tracing::debug!(model, environment, why = err.message, "a promotion was given up");
            }
        });
    }

    async fn let_in(&self, name: &str, environment: &str) -> Result<(), HttpError> {
        let mut followed = None;
        loop {
            let Some(model) = self.named(name) else { return Ok(()) };
            let candidate = model.environment(environment)?.candidate.clone();
            let Some(candidate) = candidate.filter(|it| !it.is_ready) else { return Ok(()) };
            // Another promotion has its own follower.
            if *followed.get_or_insert(candidate.begun) != candidate.begun {
                return Ok(());
            }
            let deployment = model.deployment(&candidate.deployment)?;
            let Some(outcome) = self.outcome(deployment) else {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            return self.settle(name, environment, candidate, outcome).await;
        }
    }

    fn outcome(&self, deployment: &Deployment) -> Option<Outcome> {
        let Some(found) = self.endpoint(&deployment.endpoint) else {
            return Some(Outcome::Failed("its endpoint was deleted".to_owned()));
        };
        match found.status.state {
            // Whoever pauses it wants it so.
            State::Running | State::ScaledToZero | State::Paused => Some(Outcome::Ready),
            State::Failed | State::UpdateFailed => Some(Outcome::Failed(found.status.reason)),
            State::Pending | State::Initializing | State::Updating => None,
        }
    }

    async fn settle(
        &self,
        name: &str,
        environment: &str,
        candidate: Candidate,
        outcome: Outcome,
    ) -> Result<(), HttpError> {
        let before = self.named(name);
        let of = environment.to_owned();
        let seen = candidate.clone();
        let after = self.change(name, move |model| {
            let environments = &mut model.environments;
            let Some(environment) = environments.iter_mut().find(|it| it.name == of) else {
                return Ok(());
            };
            // Another promotion may have begun meanwhile, which has its own follower.
            if environment.candidate.as_ref() != Some(&seen) {
                return Ok(());
            }
            match outcome {
                Outcome::Failed(why) => {
                    environment.candidate = None;
                    environment.failure = Some(why);
                }
                Outcome::Ready if seen.percent >= 100.0 => {
                    environment.current = Some(seen.deployment);
                    environment.candidate = None;
                }
                Outcome::Ready => {
                    environment.candidate = Some(Candidate { is_ready: true, ..seen });
                }
            }
            Ok(())
        });
        let after = after.await?;
        if candidate.ends_previous
            && let Some(previous) = before.and_then(|before| previous(&before, &after, environment))
        {
            self.end_replicas(&previous).await;
        }
        Ok(())
    }

    // It wakes with the next request to it by its own id.
    async fn end_replicas(&self, deployment: &Deployment) {
        let (endpoint, by) = (deployment.endpoint.as_str(), self.namespace().to_owned());
        let slept = self.plane.control().scale_to_zero(self.namespace(), endpoint, by).await;
        if let Err(err) = slept {
            tracing::debug!(endpoint, error = chain(&err), "replicas were not ended");
        }
    }
}

/// Notes that a deployment is to answer for an environment. One that has none answers at once.
pub(super) fn begin(
    model: &mut Model,
    deployment: &str,
    promotion: &Promotion,
    now: u64,
) -> Result<(), HttpError> {
    check_environment(&promotion.environment)?;
    let percent = promotion.percent;
    if !(0.0..=100.0).contains(&percent) {
        let problem = format!("it is {percent}; send 0 to 100");
        return Err(bad_field("percent_traffic_to_new_version", &problem));
    }
    let environment = model.environment_mut(&promotion.environment, now);
    environment.failure = None;
    environment.candidate = None;
    if environment.current.is_none() {
        environment.current = Some(deployment.to_owned());
    } else if environment.current.as_deref() != Some(deployment) {
        environment.candidate = Some(Candidate {
            deployment: deployment.to_owned(),
            percent,
            is_ready: false,
            ends_previous: promotion.ends_previous,
            begun: now,
        });
    }
    Ok(())
}

/// Returns the deployment that a change has put out of an environment and that no other one has.
fn previous(before: &Model, after: &Model, environment: &str) -> Option<Deployment> {
    let current = |model: &Model| model.environment(environment).ok()?.current.clone();
    let id = current(before).filter(|id| current(after).as_ref() != Some(id))?;
    let is_used = after.environments.iter().any(|it| it.has(&id));
    after.deployment(&id).ok().filter(|_| !is_used).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let deployment = |id: &str| Deployment {
            id: id.to_owned(),
            name: id.to_owned(),
            created: 0,
            is_draft: false,
            endpoint: id.to_owned(),
        };
        Model {
            id: "m".to_owned(),
            name: "M".to_owned(),
            created: 0,
            deployments: ["a", "b"].map(deployment).to_vec(),
            environments: Vec::new(),
        }
    }

    #[test]
    fn what_has_nothing_takes_the_first_at_once_and_the_next_as_a_candidate() {
        let mut model = model();
        let all = Promotion::all("production", true);
        begin(&mut model, "a", &all, 7).unwrap();
        assert_eq!(model.production(), Some("a"));
        begin(&mut model, "b", &all, 8).unwrap();
        assert_eq!(model.production(), Some("a"));
        let candidate = model.environments[0].candidate.clone().unwrap();
        assert_eq!((candidate.deployment.as_str(), candidate.is_ready), ("b", false));
        // Back to what answers: nothing is left to be done.
        begin(&mut model, "a", &all, 9).unwrap();
        assert_eq!(model.environments[0].candidate, None);
        assert_eq!(model.environments[0].created, 7);
    }

    #[test]
    fn a_share_lies_between_0_and_100() {
        for percent in [-1.0, 100.5, f64::NAN, f64::INFINITY] {
            let promotion = Promotion { percent, ..Promotion::all("production", true) };
            let why = begin(&mut model(), "a", &promotion, 0).unwrap_err().message;
            assert!(why.contains("send 0 to 100"), "{why}");
        }
    }

    #[test]
    fn what_another_environment_uses_is_not_ended() {
        let mut before = model();
        begin(&mut before, "a", &Promotion::all("production", true), 0).unwrap();
        let mut after = before.clone();
        after.environments[0].current = Some("b".to_owned());
        assert_eq!(previous(&before, &after, "production").unwrap().id, "a");
        begin(&mut after, "a", &Promotion::all("staging", true), 0).unwrap();
        assert_eq!(previous(&before, &after, "production"), None);
    }
}
