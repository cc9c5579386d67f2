//! The objects as they are kept.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::sagemaker as wire;

use super::Sagemaker;
use super::names::{Arn, Kind};
use crate::aws::DEFAULT_REGION;
use crate::error::{ErrorKind, HttpError};

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// When it was made, in seconds since 1970.
    pub(crate) created: f64,
    /// As it was sent.
    pub(crate) sent: wire::CreateModel,
}

/// What an endpoint is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Config {
    /// When it was made, in seconds since 1970.
    pub(crate) created: f64,
    /// As it was sent.
    pub(crate) sent: wire::CreateEndpointConfig,
}

/// An endpoint in SageMaker's sense.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) name: String,
    pub(crate) config: String,
    pub(crate) created: f64,
    pub(crate) modified: f64,
    pub(crate) tags: Vec<wire::Tag>,
    /// What serves, or begins to.
    pub(crate) variants: Vec<Variant>,
    /// What an update makes of it.
    pub(super) next: Option<Next>,
    /// Why the last update was rolled back.
    pub(crate) failure: Option<String>,
}

/// What an update makes of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Next {
    pub(super) config: String,
    pub(super) variants: Vec<Variant>,
}

/// A model with its share of the traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Variant {
    /// As it was sent.
    pub(crate) sent: wire::ProductionVariant,
    /// Its share of the traffic, of the sum of all.
    pub(crate) weight: f64,
    /// Its model, as it was when the endpoint was made.
    pub(super) model: wire::CreateModel,
    pub(super) stage: Stage,
}

/// How far a variant is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Its model is being brought here.
    Preparing,
    /// It is an endpoint of the control plane, of this name.
    Made(String),
    /// It cannot be.
    Refused(String),
}

impl Deployment {
    /// Returns whether something has yet to be done that nobody but us does.
    pub(super) fn is_under_way(&self) -> bool {
        let is_preparing = |variant: &Variant| variant.stage == Stage::Preparing;
        self.next.is_some() || self.variants.iter().any(is_preparing)
    }
}

impl Variant {
    pub(crate) fn name(&self) -> &str {
        &self.sent.variant_name
    }

    /// Returns the name of the endpoint behind it, if there is one already.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        match &self.stage {
            Stage::Made(endpoint) => Some(endpoint),
            Stage::Preparing | Stage::Refused(_) => None,
        }
    }

    /// Returns why it cannot be.
    pub(crate) fn refusal(&self) -> Option<&str> {
        match &self.stage {
            Stage::Refused(why) => Some(why),
            Stage::Preparing | Stage::Made(_) => None,
        }
    }
}

impl Sagemaker {
    pub(crate) fn model(&self, name: &str) -> Result<Model, HttpError> {
        self.get(Kind::Model, name)
    }

    pub(crate) fn config(&self, name: &str) -> Result<Config, HttpError> {
        self.get(Kind::Config, name)
    }

    pub(crate) fn deployment(&self, name: &str) -> Result<Deployment, HttpError> {
        self.get(Kind::Endpoint, name)
    }

    pub(crate) fn models(&self) -> Vec<Model> {
        self.list(Kind::Model)
    }

    pub(crate) fn configs(&self) -> Vec<Config> {
        self.list(Kind::Config)
    }

    pub(crate) fn deployments(&self) -> Vec<Deployment> {
        self.list(Kind::Endpoint)
    }

    /// Adds an object.
    ///
    /// # Errors
    ///
    /// If there is one of its name.
    pub(crate) async fn add<T>(&self, kind: Kind, name: &str, object: &T) -> Result<(), HttpError>
    where
        T: Serialize,
    {
        let (value, taken) = (json(object), taken(kind, name));
        let added =
            self.plane.control().change_document(
                kind.document(),
                name,
                move |before| match before {
                    None => Ok((Some(value), ())),
                    Some(_) => Err(taken),
                },
            );
        added.await
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// If there is none of its name.
    pub(crate) async fn remove<T>(&self, kind: Kind, name: &str) -> Result<T, HttpError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let unknown = unknown(kind, name);
        let removed =
            self.plane.control().change_document(
                kind.document(),
                name,
                move |before| match before {
                    Some(before) => Ok((None, read(before)?)),
                    None => Err(unknown),
                },
            );
        removed.await
    }

    /// Changes an endpoint as its only writer, and returns it.
    ///
    /// # Errors
    ///
    /// If there is none of its name, and those of `change`.
    pub(crate) async fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut Deployment) -> Result<(), HttpError> + Send + 'static,
    ) -> Result<Deployment, HttpError> {
        let unknown = unknown(Kind::Endpoint, name);
        let changed =
            self.plane.control().change_document(Kind::Endpoint.document(), name, move |before| {
                let mut deployment: Deployment = read(before.ok_or(unknown)?)?;
                change(&mut deployment)?;
                Ok::<_, HttpError>((Some(json(&deployment)), deployment))
            });
        changed.await
    }

    fn get<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<T, HttpError> {
        let document = self.plane.control().document(kind.document(), name);
        read(&*document.ok_or_else(|| unknown(kind, name))?)
    }

    fn list<T: DeserializeOwned>(&self, kind: Kind) -> Vec<T> {
        let documents = self.plane.control().documents(kind.document());
        documents.iter().filter_map(|(_, document)| read(document).ok()).collect()
    }
}

fn json<T: Serialize>(object: &T) -> serde_json::Value {
    serde_json::to_value(object).expect("objects have string keys and finite numbers")
}

fn read<T: DeserializeOwned>(document: &serde_json::Value) -> Result<T, HttpError> {
    T::deserialize(document).map_err(|err| {
        let message = format!("the database has an object of SageMaker that cannot be read: {err}");
        HttpError::new(ErrorKind::Internal, message)
    })
}

// Clients look for the words "Could not find" and "already exist".
fn unknown(kind: Kind, name: &str) -> HttpError {
    let arn = Arn { kind, name, region: DEFAULT_REGION };
    let message =
        format!("Could not find {} \"{arn}\"; list what there is for its name", kind.in_words());
    HttpError::new(ErrorKind::BadField, message).param(kind.field())
}

fn taken(kind: Kind, name: &str) -> HttpError {
    let arn = Arn { kind, name, region: DEFAULT_REGION };
    let message = format!(
        "Cannot create already existing {} \"{arn}\"; choose another name or delete it",
        kind.in_words()
    );
    HttpError::new(ErrorKind::BadField, message).param(kind.field())
}
