//! Pushes: a Truss becomes a deployment of a model, which is made if it is not there.

use endpoints::{Endpoint, EndpointName, Namespace, Spec};
use truss::Document;

use super::names::{
    DEPLOYMENT_ID, MODEL_ID, check_deployment, check_environment, check_model, endpoint, new_id,
};
use super::objects::{Deployment, Environment, Model, PRODUCTION, unknown_model};
use super::promote::{Promotion, begin};
use super::{Baseten, mark, spec};
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::HttpError;

/// What is pushed.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) of: Of,
    /// Its config.
    pub(crate) truss: Document,
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
    /// Makes a deployment, and returns its model and its id. The owner of the server may name any folder.
    ///
    /// # Errors
    ///
    /// If the Truss cannot be served here, or there is a model of the name already; all is as it was then.
    pub(crate) async fn push(
        &self,
        push: Push,
        is_owner: bool,
        now: u64,
    ) -> Result<(Model, String), HttpError> {
        let (name, before) = self.pushed_to(&push.of, push.is_draft)?;
        push.deployment_name.as_deref().map(check_deployment).transpose()?;
        push.environment.as_deref().map(check_environment).transpose()?;
        let draft = before.as_ref().and_then(Model::draft).filter(|_| push.is_draft).cloned();
        let gone = draft.clone().filter(|draft| self.endpoint(&draft.endpoint).is_none());
        if let (Some(model), Some(draft), None) = (before, draft, &gone) {
            let spec = self.spec(push.truss, (&name, &draft.id, &draft.endpoint), is_owner)?;
            self.change_draft(&draft, spec).await?;
            return Ok((model, draft.id));
        }
        let is_taken = |id: &str| {
            self.models().iter().any(|model| model.deployments.iter().any(|it| it.id == id))
        };
        let id = new_id(DEPLOYMENT_ID, is_taken);
        let endpoint = endpoint(&name, &id);
        let Push { of, truss, deployment_name, environment, is_draft, ends_previous } = push;
        let spec = self.spec(truss, (&name, &id, endpoint.as_str()), is_owner)?;
        let made = self.make(endpoint, spec).await?;
        let deployment = Deployment {
            id: id.clone(),
            name: deployment_name.unwrap_or_default(),
            created: now,
            is_draft,
            endpoint: made.record.name.as_str().to_owned(),
        };
        let gone = gone.map(|draft| draft.id);
        let added = Added { of, deployment: deployment.clone(), gone, environment, ends_previous };
        match self.keep(name, added, now).await {
            Ok(model) => Ok((model, id)),
            Err(err) => {
                self.delete_behind(&deployment).await;
                Err(err)
            }
        }
    }

    fn spec(
        &self,
        truss: Document,
        (model, deployment, endpoint): (&str, &str, &str),
        is_owner: bool,
    ) -> Result<Spec, HttpError> {
        let spec = spec::of_truss(truss, endpoint, mark::of(model, deployment))?;
        if !is_owner {
            self.plane.settings().models.check(spec.model.repository())?;
        }
        Ok(spec)
    }

    /// Returns where the folder of a Truss may be uploaded to, which nothing else has.
    pub(crate) fn upload_key(&self, now: u64) -> String {
        format!("truss/{now}-{}.tar", new_id(DEPLOYMENT_ID, |_| false))
    }

    fn pushed_to(&self, of: &Of, is_draft: bool) -> Result<(String, Option<Model>), HttpError> {
        match of {
            Of::Id(id) => {
                let model = self.model(id)?;
                Ok((model.name.clone(), Some(model)))
            }
            Of::Name(name) => {
                check_model(name)?;
                let model = self.named(name);
                match &model {
                    Some(model) if !is_draft => Err(taken(model)),
                    Some(_) | None => Ok((name.clone(), model)),
                }
            }
        }
    }

    async fn make(&self, name: EndpointName, spec: Spec) -> Result<Endpoint, HttpError> {
        let namespace: Namespace = self.namespace().parse()?;
        Ok(self.plane.control().create(namespace, name, spec).await?)
    }

    // What is being worked on stays where it is; what it was serves until the new version is ready.
    async fn change_draft(&self, draft: &Deployment, spec: Spec) -> Result<(), HttpError> {
        let change = |_: &Spec| Ok::<_, HttpError>(spec.clone());
        self.plane.control().update(self.namespace(), &draft.endpoint, change).await.map(drop)
    }

    async fn keep(&self, name: String, added: Added, now: u64) -> Result<Model, HttpError> {
        let new = Model {
            id: new_id(MODEL_ID, |id| self.model(id).is_ok()),
            name: name.clone(),
            created: now,
            deployments: Vec::new(),
            environments: vec![Environment::new(PRODUCTION, now)],
        };
        let environment = added.environment.clone();
        let model = self.put(&name, move |before| add(before, new, added, now)).await?;
        if let Some(environment) = environment {
            self.follow(model.name.clone(), environment);
        }
        Ok(model)
    }
}

/// What a push adds to a model.
#[derive(Debug)]
struct Added {
    of: Of,
    deployment: Deployment,
    /// The draft in whose place it comes, whose endpoint somebody has deleted.
    gone: Option<String>,
    environment: Option<String>,
    ends_previous: bool,
}

/// Adds a deployment to the model that is there now, or to a new one, and begins what is to become of it.
fn add(
    before: Option<Model>,
    new: Model,
    Added { of, mut deployment, gone, environment, ends_previous }: Added,
    now: u64,
) -> Result<Model, HttpError> {
    // Somebody else may have been here since the push began.
    let mut model = match (of, before) {
        (Of::Id(id), Some(model)) if model.id == id => model,
        (Of::Id(id), _) => return Err(unknown_model(&id)),
        (Of::Name(_), None) => new,
        (Of::Name(_), Some(model)) if deployment.is_draft => model,
        (Of::Name(_), Some(model)) => return Err(taken(&model)),
    };
    let id = deployment.id.clone();
    let is_draft = deployment.is_draft;
    if is_draft {
        model.deployments.retain(|it| Some(&it.id) != gone.as_ref());
        if let Some(draft) = model.draft() {
            let message = format!(
                "somebody else has just pushed what is being worked on of `{}`, {}; push again to change it",
                model.name, draft.id
            );
            return Err(error(EndpointErrorKind::Refused, message));
        }
    }
    if deployment.name.is_empty() {
        deployment.name = usual_name(&model, is_draft);
    }
    model.deployments.push(deployment);
    // The first that is published is the one that people call.
    let is_first = model.production().is_none() && !is_draft;
    match environment {
        Some(environment) => {
            begin(&mut model, &id, &Promotion::all(&environment, ends_previous), now)?;
        }
        None if is_first => begin(&mut model, &id, &Promotion::all(PRODUCTION, true), now)?,
        None => {}
    }
    Ok(model)
}

fn usual_name(model: &Model, is_draft: bool) -> String {
    if is_draft {
        return "development".to_owned();
    }
    let is_free = |name: &String| model.deployments.iter().all(|it| it.name != *name);
    let mut names = (model.deployments.len() + 1..).map(|number| format!("deployment-{number}"));
    names.find(is_free).unwrap_or_default()
}

fn taken(model: &Model) -> HttpError {
    let message = format!(
        "there is a model `{}` already, {}; push to its id, or delete it",
        model.name, model.id
    );
    error(EndpointErrorKind::Refused, message)
}
