//! Pushes: a Truss becomes a deployment of a model, which is made if it is not there.

use endpoints::{Endpoint, EndpointName, Namespace};
use serde_json::json;

use super::names::{
    DEPLOYMENT_ID, MODEL_ID, check_deployment, check_environment, check_model, endpoint, new_id,
};
use super::objects::{Deployment, Environment, Model, PRODUCTION};
use super::promote::{Promotion, begin};
use super::{Baseten, spec};
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::HttpError;

/// What is pushed.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) of: Of,
    /// The text of its config.
    pub(crate) config: String,
    /// What to call the deployment.
    pub(crate) deployment_name: Option<String>,
    /// Which environment it is for; production for the first, and else none.
    pub(crate) environment: Option<String>,
    /// Whether it is only being worked on.
    pub(crate) is_draft: bool,
    /// Whether replicas of what answered before may end.
    pub(crate) ends_previous: bool,
}

/// The model that is pushed to.
#[derive(Debug)]
pub(crate) enum Of {
    /// One that may be new, by its name.
    Name(String),
    /// One that is there, by its id.
    Id(String),
}

impl Baseten {
    /// Makes a deployment, and returns its model and its id. `may_name` judges where its model comes from.
    ///
    /// # Errors
    ///
    /// If the Truss cannot be served here, or there is a model of the name already; all is as it was then.
    pub(crate) async fn push(
        &self,
        push: Push,
        may_name: impl Fn(&str) -> Result<(), HttpError>,
        now: u64,
    ) -> Result<(Model, String), HttpError> {
        let (name, before) = self.pushed_to(&push)?;
        push.deployment_name.as_deref().map(check_deployment).transpose()?;
        push.environment.as_deref().map(check_environment).transpose()?;
        let draft = before.as_ref().and_then(Model::draft).filter(|_| push.is_draft);
        if let (Some(model), Some(draft)) = (&before, draft) {
            self.change_draft(draft, &push.config, may_name).await?;
            return Ok((model.clone(), draft.id.clone()));
        }
        let is_taken = |id: &str| {
            self.models().iter().any(|model| model.deployments.iter().any(|it| it.id == id))
        };
        let id = new_id(DEPLOYMENT_ID, is_taken);
        let endpoint = endpoint(&name, &id);
        let spec = spec::of_truss(&push.config, endpoint.as_str(), mark(&name, &id))?;
        may_name(spec.model.repository())?;
        let made = self.make(endpoint, spec).await?;
        let deployment = Deployment {
            id: id.clone(),
            name: push.deployment_name.clone().unwrap_or_default(),
            created: now,
            is_draft: push.is_draft,
            endpoint: made.record.name.as_str().to_owned(),
        };
        match self.keep(name, deployment.clone(), push, now).await {
            Ok(model) => Ok((model, id)),
            Err(err) => {
                self.delete_behind(&deployment).await;
                Err(err)
            }
        }
    }

    /// Returns where the folder of a Truss may be uploaded to, which nothing else has.
    pub(crate) fn upload_key(&self, now: u64) -> String {
        format!("truss/{now}-{}.tar", new_id(DEPLOYMENT_ID, |_| false))
    }

    fn pushed_to(&self, push: &Push) -> Result<(String, Option<Model>), HttpError> {
        match &push.of {
            Of::Id(id) => {
                let model = self.model(id)?;
                Ok((model.name.clone(), Some(model)))
            }
            Of::Name(name) => {
                check_model(name)?;
                let model = self.named(name);
                if let (Some(model), false) = (&model, push.is_draft) {
                    let message = format!(
                        "there is a model `{name}` already, {}; push to its id, or delete it",
                        model.id
                    );
                    return Err(error(EndpointErrorKind::Refused, message));
                }
                Ok((name.clone(), model))
            }
        }
    }

    async fn make(&self, name: EndpointName, spec: endpoints::Spec) -> Result<Endpoint, HttpError> {
        let namespace: Namespace = self.namespace().parse()?;
        Ok(self.plane.control().create(namespace, name, spec).await?)
    }

    // What is being worked on stays where it is; what it was serves until the new version is ready.
    async fn change_draft(
        &self,
        draft: &Deployment,
        config: &str,
        may_name: impl Fn(&str) -> Result<(), HttpError>,
    ) -> Result<(), HttpError> {
        let change = |before: &endpoints::Spec| {
            let mark = before.opaque.0.get("baseten").cloned().unwrap_or_default();
            let spec = spec::of_truss(config, &draft.endpoint, mark)?;
            may_name(spec.model.repository())?;
            Ok::<_, HttpError>(spec)
        };
        self.plane.control().update(self.namespace(), &draft.endpoint, change).await.map(drop)
    }

    async fn keep(
        &self,
        name: String,
        deployment: Deployment,
        push: Push,
        now: u64,
    ) -> Result<Model, HttpError> {
        let id = new_id(MODEL_ID, |id| self.model(id).is_ok());
        let of = name.clone();
        let kept = self.put(&name, move |before| {
            let mut model = before.unwrap_or_else(|| Model {
                id,
                name: of,
                created: now,
                deployments: Vec::new(),
                environments: vec![Environment::new(PRODUCTION, now)],
            });
            add(&mut model, deployment, &push, now)?;
            Ok(model)
        });
        let model = kept.await?;
        for environment in &model.environments {
            if environment.candidate.as_ref().is_some_and(|candidate| !candidate.is_ready) {
                self.follow(model.name.clone(), environment.name.clone());
            }
        }
        Ok(model)
    }
}

/// Adds a deployment to its model, and begins what is to become of it.
fn add(
    model: &mut Model,
    mut deployment: Deployment,
    push: &Push,
    now: u64,
) -> Result<(), HttpError> {
    let id = deployment.id.clone();
    if deployment.name.is_empty() {
        let number = model.deployments.len() + 1;
        deployment.name =
            if push.is_draft { "development".to_owned() } else { format!("deployment-{number}") };
    }
    model.deployments.push(deployment);
    // The first that is published is the one that people call.
    let is_first = model.production().is_none() && !push.is_draft;
    match &push.environment {
        Some(environment) => {
            begin(model, &id, &Promotion::all(environment, push.ends_previous), now)
        }
        None if is_first => begin(model, &id, &Promotion::all(PRODUCTION, true), now),
        None => Ok(()),
    }
}

fn mark(model: &str, deployment: &str) -> serde_json::Value {
    json!({ "model": model, "deployment": deployment })
}
