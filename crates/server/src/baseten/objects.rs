//! Models as they are kept.

use serde::{Deserialize, Serialize};

use super::{Baseten, mark};
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::{ErrorKind, HttpError};

/// The kind of document.
const KIND: &str = "baseten/model";

/// The environment that every model has.
pub(crate) const PRODUCTION: &str = "production";

/// A model: deployments under one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) name: String,
    /// When it was pushed first, in milliseconds since 1970.
    pub(crate) created: u64,
    /// The first that was pushed is the first.
    pub(crate) deployments: Vec<Deployment>,
    /// Production is the first.
    pub(crate) environments: Vec<Environment>,
}

/// One version of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) name: String,
    /// When it was pushed, in milliseconds since 1970.
    pub(crate) created: u64,
    /// Whether it is the one that is being worked on.
    pub(crate) is_draft: bool,
    /// The endpoint behind it.
    pub(crate) endpoint: String,
}

/// A name for whichever deployment is meant to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Environment {
    pub(crate) name: String,
    /// When it was made, in milliseconds since 1970.
    pub(crate) created: u64,
    /// The id of the deployment that answers.
    pub(crate) current: Option<String>,
    pub(crate) candidate: Option<Candidate>,
    /// Why the last promotion was given up.
    pub(crate) failure: Option<String>,
}

/// A deployment that gets a share of an environment's requests, or all in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    /// Its id.
    pub(crate) deployment: String,
    /// Its share, of 100.
    pub(crate) percent: f64,
    /// Whether it has had a replica that was ready; until then it gets nothing.
    pub(crate) is_ready: bool,
    /// Whether replicas of what answered before may end when it takes over.
    pub(crate) ends_previous: bool,
    /// When the promotion began, in milliseconds since 1970: the same asked for again is another one.
    pub(crate) begun: u64,
}

impl Environment {
    pub(super) fn new(name: &str, created: u64) -> Self {
        Self { name: name.to_owned(), created, current: None, candidate: None, failure: None }
    }

    /// Returns whether a deployment answers for it, or is about to.
    pub(crate) fn has(&self, id: &str) -> bool {
        let candidate = self.candidate.as_ref().map(|candidate| candidate.deployment.as_str());
        self.current.as_deref() == Some(id) || candidate == Some(id)
    }
}

impl Model {
    /// Returns a deployment.
    ///
    /// # Errors
    ///
    /// If there is none of this id.
    pub(crate) fn deployment(&self, id: &str) -> Result<&Deployment, HttpError> {
        self.deployments.iter().find(|it| it.id == id).ok_or_else(|| {
            let known: Vec<_> = self.deployments.iter().map(|it| it.id.as_str()).collect();
            unknown(format!(
                "model `{}` has no deployment `{}`; it has {}",
                self.name,
                crate::echo::shorten(id.to_owned()),
                known.join(", ")
            ))
        })
    }

    /// Returns an environment.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    pub(crate) fn environment(&self, name: &str) -> Result<&Environment, HttpError> {
        self.environments.iter().find(|it| it.name == name).ok_or_else(|| {
            let known: Vec<_> = self.environments.iter().map(|it| it.name.as_str()).collect();
            unknown(format!(
                "model `{}` has no environment `{}`; it has {}, and a push with --environment makes another",
                self.name,
                crate::echo::shorten(name.to_owned()),
                known.join(", ")
            ))
        })
    }

    /// Returns an environment to be changed, made if it is not there.
    pub(super) fn environment_mut(&mut self, name: &str, now: u64) -> &mut Environment {
        let index = match self.environments.iter().position(|it| it.name == name) {
            Some(index) => index,
            None => {
                self.environments.push(Environment::new(name, now));
                self.environments.len() - 1
            }
        };
        &mut self.environments[index]
    }

    /// Returns the deployment that is being worked on, if there is one.
    pub(crate) fn draft(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|it| it.is_draft)
    }

    /// Returns what answers for production, if anything does.
    pub(crate) fn production(&self) -> Option<&str> {
        self.environments.iter().find(|it| it.name == PRODUCTION)?.current.as_deref()
    }
}

impl Baseten {
    /// Returns all models, by name.
    pub(crate) fn models(&self) -> Vec<Model> {
        let documents = self.plane.control().documents(KIND);
        documents.iter().filter_map(|(_, document)| Model::deserialize(&**document).ok()).collect()
    }

    /// Returns the model of a name.
    pub(crate) fn named(&self, name: &str) -> Option<Model> {
        Model::deserialize(&*self.plane.control().document(KIND, name)?).ok()
    }

    /// Returns the model of an id.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn model(&self, id: &str) -> Result<Model, HttpError> {
        let documents = self.plane.control().documents(KIND);
        // Each request to a model comes by here: the others are not read for it.
        let found = documents.iter().find(|(_, document)| document["id"] == id);
        let model = found.and_then(|(_, document)| Model::deserialize(&**document).ok());
        model.ok_or_else(|| unknown_model(id))
    }

    /// Changes a model as its only writer, and returns it. `change` makes one of nothing, too.
    ///
    /// # Errors
    ///
    /// Those of `change`, after which all is as it was.
    pub(super) async fn put(
        &self,
        name: &str,
        change: impl FnOnce(Option<Model>) -> Result<Model, HttpError> + Send + 'static,
    ) -> Result<Model, HttpError> {
        let changed = self.plane.control().change_document(KIND, name, move |before| {
            let before = before.map(read).transpose()?;
            let model = change(before)?;
            let value = serde_json::to_value(&model);
            let value = value.expect("models have string keys and finite numbers");
            Ok::<_, HttpError>((Some(value), model))
        });
        changed.await
    }

    /// Changes a model that is there.
    ///
    /// # Errors
    ///
    /// If there is none of this name, and those of `change`.
    pub(super) async fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut Model) -> Result<(), HttpError> + Send + 'static,
    ) -> Result<Model, HttpError> {
        let unknown = unknown_model(name);
        let changed = self.put(name, move |before| {
            let mut model = before.ok_or(unknown)?;
            change(&mut model)?;
            Ok(model)
        });
        changed.await
    }

    /// Deletes a model with its deployments. It is gone when this returns; replicas drain after that.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), HttpError> {
        let model = self.model(id)?;
        let removed = self.plane.control().change_document(KIND, &model.name, |before| {
            let model = before.map(read).transpose()?;
            Ok::<_, HttpError>((None, model))
        });
        for deployment in removed.await?.into_iter().flat_map(|model| model.deployments) {
            self.delete_behind(&deployment).await;
        }
        Ok(())
    }

    /// Deletes a deployment.
    ///
    /// # Errors
    ///
    /// If there is none, or an environment needs it.
    pub(crate) async fn delete_deployment(&self, model: &str, id: &str) -> Result<(), HttpError> {
        let model = self.model(model)?;
        let deployment = model.deployment(id)?.clone();
        let id = id.to_owned();
        let changed = self.change(&model.name, move |model| {
            if let Some(environment) = model.environments.iter().find(|it| it.has(&id)) {
                let message = format!(
                    "deployment `{id}` answers for {}; promote another one first, or delete the model",
                    environment.name
                );
                return Err(error(EndpointErrorKind::Refused, message));
            }
            model.deployments.retain(|it| it.id != id);
            Ok(())
        });
        changed.await?;
        self.delete_behind(&deployment).await;
        Ok(())
    }

    /// Deletes the endpoint behind a deployment, if there is one.
    pub(super) async fn delete_behind(&self, deployment: &Deployment) {
        let endpoint = deployment.endpoint.as_str();
        // Somebody may have made another one of its name.
        let is_ours = self.endpoint(endpoint).is_some_and(|it| mark::is_of(&it, &deployment.id));
        if !is_ours {
            return;
        }
        self.delete_endpoint(endpoint).await;
    }
}

fn read(document: &serde_json::Value) -> Result<Model, HttpError> {
    Model::deserialize(document).map_err(|err| {
        let message = format!("the database has a model of Baseten that cannot be read: {err}");
        HttpError::new(ErrorKind::Internal, message)
    })
}

pub(super) fn unknown(message: String) -> HttpError {
    error(EndpointErrorKind::UnknownEndpoint, message)
}

pub(super) fn unknown_model(id: &str) -> HttpError {
    let id = crate::echo::shorten(id.to_owned());
    unknown(format!("there is no model `{id}`; list what there is for its id, or push it"))
}
