//! Which deployment a request goes to.

use super::objects::{Candidate, Deployment, Environment, Model, unknown};
use crate::error::HttpError;
use crate::share;

/// Where a request is sent, as its path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Environment(&'a str),
    /// What is being worked on.
    Development,
    /// One deployment, by its id.
    Deployment(&'a str),
}

impl Model {
    /// Returns the deployment that a request is for; in an environment one of two by their shares.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn pick(&self, place: Place<'_>) -> Result<&Deployment, HttpError> {
        self.pick_at(place, share::chance())
    }

    fn pick_at(&self, place: Place<'_>, chance: f64) -> Result<&Deployment, HttpError> {
        match place {
            Place::Environment(name) => {
                let environment = self.environment(name)?;
                let id = environment.answers(chance).ok_or_else(|| {
                    let problem = format!(
                        "environment `{name}` of model `{}` has no deployment yet",
                        self.name
                    );
                    unknown(format!("{problem}; promote one to it"))
                })?;
                self.deployment(id)
            }
            // Whoever publishes at once, as `truss push` does, has nothing else to be working on.
            Place::Development => self.draft().or(self.deployments.last()).ok_or_else(|| {
                unknown(format!("model `{}` has no deployment; push one", self.name))
            }),
            Place::Deployment(id) => self.deployment(id),
        }
    }
}

impl Environment {
    // The candidate's share comes behind what is left of 100.
    fn answers(&self, chance: f64) -> Option<&str> {
        let ready = self.candidate.as_ref().filter(|candidate| candidate.is_ready);
        let Some(Candidate { deployment, percent, .. }) = ready else {
            return self.current.as_deref();
        };
        let Some(current) = &self.current else { return Some(deployment) };
        let shares = [(current, 100.0 - percent), (deployment, *percent)];
        share::at(&shares, |(_, share)| *share, chance).map(|(id, _)| id.as_str())
    }
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
        let mut production = Environment::new("production", 0);
        production.current = Some("old".to_owned());
        Model {
            id: "m".to_owned(),
            name: "M".to_owned(),
            created: 0,
            deployments: ["old", "new"].map(deployment).to_vec(),
            environments: vec![production, Environment::new("staging", 0)],
        }
    }

    fn with_candidate(percent: f64, is_ready: bool) -> Model {
        let mut model = model();
        let deployment = "new".to_owned();
        let candidate = Candidate { deployment, percent, is_ready, ends_previous: true, begun: 0 };
        model.environments[0].candidate = Some(candidate);
        model
    }

    #[track_caller]
    fn check(model: &Model, chance: f64, expected: &str) {
        let picked = model.pick_at(Place::Environment("production"), chance).unwrap();
        assert_eq!(picked.id, expected, "at {chance}");
    }

    #[test]
    fn a_candidate_gets_its_share_once_it_is_ready() {
        check(&model(), 0.99, "old");
        check(&with_candidate(100.0, false), 0.99, "old");
        check(&with_candidate(25.0, true), 0.74, "old");
        check(&with_candidate(25.0, true), 0.75, "new");
        check(&with_candidate(0.0, true), 0.99, "old");
        check(&with_candidate(100.0, true), 0.0, "new");
    }

    #[test]
    fn development_is_the_draft_or_else_the_newest() {
        let mut model = model();
        assert_eq!(model.pick(Place::Development).unwrap().id, "new");
        model.deployments[0].is_draft = true;
        assert_eq!(model.pick(Place::Development).unwrap().id, "old");
        assert_eq!(model.pick(Place::Deployment("new")).unwrap().id, "new");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let why = |place| model().pick(place).unwrap_err().message;
        assert!(why(Place::Environment("staging")).contains("no deployment yet"));
        assert!(why(Place::Environment("qa")).contains("it has production, staging"));
        assert!(why(Place::Deployment("x")).contains("it has old, new"));
    }
}
