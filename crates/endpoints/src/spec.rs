//! What is asked for: a model, in an image, so many replicas, for whom.

mod change;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::settings::Settings;
use crate::price::Amount;

/// How long an endpoint that may sleep waits for a request before it does, where its spec leaves that
/// open. The Hub's own first choice.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(15 * 60);
/// The most replicas of one endpoint. One machine never has use for more.
pub const MAX_REPLICAS: u32 = 64;

/// The variable that names the model, in text-embeddings-inference's images.
const MODEL_ID: &str = "MODEL_ID";
/// What [`MODEL_ID`] says where the repository was mounted into the image.
const MOUNTED: &str = "/repository";
/// The variable with which a client chooses the shape of answers itself.
const DIALECT: &str = "DIALECT";
/// The variable that names the field of an object in which embeddings are answered, as a handler of
/// SageMaker's toolkit chooses it.
pub const REPLY_KEY: &str = "REPLY_KEY";

/// A spec that cannot be. Each message names the limit and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// An endpoint that may have no replica at all.
    #[error("max_replica is 0; ask for 1 to {MAX_REPLICAS}, or pause the endpoint instead")]
    NoReplica,
    /// A floor above the ceiling.
    #[error("min_replica {min} is over max_replica {max}; lower the one or raise the other")]
    MinOverMax {
        /// The floor asked for.
        min: u32,
        /// The ceiling asked for.
        max: u32,
    },
    /// More replicas than any endpoint may have.
    #[error("max_replica {max} is over the limit of {MAX_REPLICAS}; ask for fewer")]
    TooManyReplicas {
        /// What was asked for.
        max: u32,
    },
    /// An idle time or a queue length of nothing.
    #[error("{field} is 0; leave it out or ask for 1 or more")]
    Zero {
        /// Which field.
        field: &'static str,
    },
    /// No model was named.
    #[error("model.repository is empty; name a repository of the Hub or a model directory")]
    NoModel,
    /// A variable of the image that cannot be read.
    #[error("the variable {name} of the image is `{value}`; it must be {allowed}")]
    Variable {
        /// Which variable.
        name: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
}

/// What is asked for. Every value of this type can be tried; the parts check themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Which model.
    pub model: Model,
    /// What it runs in, for the client; here it decides settings and the shape of answers.
    pub image: Image,
    /// What the image's variables ask of a replica.
    pub settings: Settings,
    /// How many replicas.
    pub scaling: Scaling,
    /// Who may ask it.
    pub access: Access,
    /// What it runs on, for the client: names with a price.
    pub labels: Labels,
    /// What it may cost since it was created, before it is paused.
    pub budget: Option<Amount>,
    /// How long it may live since it was created or resumed, before it is paused.
    pub time_to_live: Option<Duration>,
    /// What the client sent, to be echoed. Nothing here reads it.
    pub opaque: Opaque,
}

/// Which model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// A repository of the Hub or a model directory; not empty.
    repository: String,
    /// A branch, a tag or a commit.
    pub revision: Option<String>,
    /// Such as `sentence-embeddings`.
    pub task: Option<String>,
    /// Such as `pytorch`; for the client.
    pub framework: Option<String>,
}

/// What a model runs in, as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Which of the known ones.
    pub kind: ImageKind,
    /// Where it was to be fetched from.
    pub url: Option<String>,
    /// Where a client expects to find health.
    pub health_route: Option<String>,
    /// Its environment. A runtime passes it on to replicas.
    pub variables: Variables,
}

/// Which image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageKind {
    /// The Hub's inference toolkit.
    Huggingface,
    /// Text-embeddings-inference by its name.
    Tei,
    /// One that the client named, usually text-embeddings-inference too.
    Custom,
}

/// The shape of answers to a plain request at the endpoint's own address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answers {
    /// A list of embeddings for any input, as text-embeddings-inference has it.
    Lists,
    /// An object with `embeddings`, flat for a single text, as the Hub's toolkit has it.
    Toolkit,
    /// An object with a list of embeddings for any input, in the field of this name.
    Keyed(String),
}

/// How many replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ScalingParts", into = "ScalingParts")]
pub struct Scaling {
    min: u32,
    max: u32,
    idle: Option<Duration>,
    pending_requests: Option<u32>,
    latency: Option<Duration>,
}

/// [`Scaling`] as it is stored, before its check.
#[derive(Serialize, Deserialize)]
struct ScalingParts {
    min: u32,
    max: u32,
    idle: Option<Duration>,
    pending_requests: Option<u32>,
    latency: Option<Duration>,
}

/// Who may ask an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever has a key.
    Authenticated,
    /// The older name of [`Access::Authenticated`], kept so that it can be echoed.
    Protected,
    /// Whoever has a key of its namespace.
    Private,
}

/// What an endpoint runs on, for the client. Here these are names, and one of them has a price.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Labels {
    /// Such as `aws`.
    pub vendor: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// `cpu` or `gpu`.
    pub accelerator: String,
    /// Such as `nvidia-a10g`.
    pub instance_type: String,
    /// Such as `x1`.
    pub instance_size: String,
}

/// The environment of an image. Values may be secrets, so that `Debug` shows names alone.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

/// JSON that is kept for its sender. `Debug` does not show it: it may hold secrets.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(pub Value);

impl Spec {
    /// Asks for one replica of a model, which never sleeps, for anybody, without a bound on what it costs.
    pub fn of_model(model: Model, image: ImageKind) -> Self {
        let variables = Variables::default();
        Self {
            model,
            image: Image { kind: image, url: None, health_route: None, variables },
            settings: Settings::default(),
            scaling: Scaling::ONE,
            access: Access::Public,
            labels: Labels::default(),
            budget: None,
            time_to_live: None,
            opaque: Opaque::default(),
        }
    }

    /// Returns what to load: the repository, unless the image's variables name another model.
    pub fn source(&self) -> &str {
        match self.image.variables.0.get(MODEL_ID) {
            Some(id) if !id.is_empty() && !id.starts_with(MOUNTED) => id,
            Some(_) | None => self.model.repository(),
        }
    }

    /// Returns the shape of answers: that of the image, unless its variables choose.
    pub fn answers(&self) -> Answers {
        if let Some(key) = self.image.variables.0.get(REPLY_KEY).filter(|key| !key.is_empty()) {
            return Answers::Keyed(key.clone());
        }
        match self.image.variables.0.get(DIALECT).map(String::as_str) {
            Some("tei") => return Answers::Lists,
            Some("toolkit") => return Answers::Toolkit,
            Some(_) | None => {}
        }
        match self.image.kind {
            ImageKind::Tei | ImageKind::Custom => Answers::Lists,
            ImageKind::Huggingface if self.model.task.as_deref() == Some("sentence-embeddings") => {
                Answers::Toolkit
            }
            ImageKind::Huggingface => Answers::Lists,
        }
    }
}

impl Model {
    /// Names a model.
    ///
    /// # Errors
    ///
    /// [`SpecError::NoModel`] if `repository` is empty.
    pub fn new(repository: String) -> Result<Self, SpecError> {
        if repository.trim().is_empty() {
            return Err(SpecError::NoModel);
        }
        Ok(Self { repository, revision: None, task: None, framework: None })
    }

    /// Returns the repository or the directory.
    pub fn repository(&self) -> &str {
        &self.repository
    }
}

impl Scaling {
    /// One replica, always.
    pub const ONE: Self =
        Self { min: 1, max: 1, idle: None, pending_requests: None, latency: None };

    /// Bounds the number of replicas. `idle` is how long an endpoint with `min` 0 waits for a request
    /// before it sleeps; `None` means [`DEFAULT_IDLE`].
    ///
    /// # Errors
    ///
    /// If `max` is 0, below `min` or over [`MAX_REPLICAS`], or if `idle` is zero.
    pub fn new(min: u32, max: u32, idle: Option<Duration>) -> Result<Self, SpecError> {
        if max == 0 {
            return Err(SpecError::NoReplica);
        }
        if min > max {
            return Err(SpecError::MinOverMax { min, max });
        }
        if max > MAX_REPLICAS {
            return Err(SpecError::TooManyReplicas { max });
        }
        if idle.is_some_and(|idle| idle.is_zero()) {
            return Err(SpecError::Zero { field: "scale_to_zero_timeout" });
        }
        Ok(Self { min, max, idle, pending_requests: None, latency: None })
    }

    /// Adds a replica for every so many requests that wait, instead of going by their tokens.
    ///
    /// # Errors
    ///
    /// [`SpecError::Zero`] if it is 0.
    pub fn per_pending_requests(mut self, requests: u32) -> Result<Self, SpecError> {
        if requests == 0 {
            return Err(SpecError::Zero { field: "pending_requests" });
        }
        self.pending_requests = Some(requests);
        Ok(self)
    }

    /// Adds a replica whenever answers take longer than this, too.
    ///
    /// # Errors
    ///
    /// [`SpecError::Zero`] if it is 0.
    pub fn over_latency(mut self, latency: Duration) -> Result<Self, SpecError> {
        if latency.is_zero() {
            return Err(SpecError::Zero { field: "latency" });
        }
        self.latency = Some(latency);
        Ok(self)
    }

    /// The fewest replicas. With 0 the endpoint may sleep.
    pub fn min(&self) -> u32 {
        self.min
    }

    /// The most replicas of the version that serves.
    pub fn max(&self) -> u32 {
        self.max
    }

    /// The idle time as it was asked for.
    pub fn asked_idle(&self) -> Option<Duration> {
        self.idle
    }

    /// The idle time after which it sleeps, or `None` if it never does.
    pub fn idle(&self) -> Option<Duration> {
        (self.min == 0).then(|| self.idle.unwrap_or(DEFAULT_IDLE))
    }

    /// How many waiting requests ask for one replica, where the client chose that measure.
    pub fn pending_requests(&self) -> Option<u32> {
        self.pending_requests
    }

    /// How long answers may take before another replica is added, where the client chose that measure.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
    }
}

impl TryFrom<ScalingParts> for Scaling {
    type Error = SpecError;

    fn try_from(parts: ScalingParts) -> Result<Self, SpecError> {
        let mut scaling = Self::new(parts.min, parts.max, parts.idle)?;
        if let Some(requests) = parts.pending_requests {
            scaling = scaling.per_pending_requests(requests)?;
        }
        if let Some(latency) = parts.latency {
            scaling = scaling.over_latency(latency)?;
        }
        Ok(scaling)
    }
}

impl From<Scaling> for ScalingParts {
    fn from(scaling: Scaling) -> Self {
        let Scaling { min, max, idle, pending_requests, latency } = scaling;
        Self { min, max, idle, pending_requests, latency }
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
impl Spec {
    /// One replica of a model that may not sleep, as the Hub's toolkit runs it.
    pub(crate) fn for_tests(repository: &str) -> Self {
        Self::of_model(Model::new(repository.to_owned()).unwrap(), ImageKind::Huggingface)
    }
}
