//! Hugging Face's Inference Endpoints, version 2, as huggingface_hub 0.20.3 and 2.4.0 speak it, and the
//! `whoami-v2` of the Hub, from which they learn their namespace.
//!
//! Names are in camel case, but those of logs. What a client may send in `compute`, `model` and `image`
//! grows with every release of the vendor's, so there unknown fields are kept and shown again; elsewhere
//! they are ignored. Both clients read some fields of [`Endpoint`] without asking whether they are there:
//! such a field is null where it has nothing to say, never absent.
//!
//! # Source
//!
//! huggingface_hub 0.20.3 and 2.4.0, `hf_api.py` and `_inference_endpoints.py`.

mod answers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::{distinct, object, word};

pub use crate::huggingface::ErrorBody;
pub use crate::timestamp::Timestamp;
pub use answers::{
    AccessToken, Actor, Auth, Endpoint, EndpointList, Hardware, HardwareList, HardwareStatus,
    LogEntry, LogList, LogsQuery, Organization, PrivateStatus, Quota, Region, Replica, ReplicaList,
    ReplicaStatus, State, Status, Vendor, WhoAmI,
};

/// Body of `POST /v2/endpoint/{namespace}`: what is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsCreateRequest)]
pub struct CreateRequest {
    /// Lower-case letters, digits and `-`, 32 at most.
    pub name: String,
    /// Who may use it.
    #[serde(rename = "type", deserialize_with = "word::one")]
    pub access: Access,
    /// What it runs on, and how many times.
    pub compute: Compute,
    /// What it runs.
    pub model: SentModel,
    /// Where it runs.
    #[serde(deserialize_with = "object::one")]
    pub provider: Provider,
    /// An account of the cloud; 0.20.3 always sends it, and null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// A private way in, of 2.4.0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub private_service: Option<PrivateService>,
    /// An address of the caller's own, of 2.4.0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub route: Option<Route>,
    /// Whether answers are kept and given again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_http_responses: Option<bool>,
    /// The caller's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// Body of `PUT /v2/endpoint/{namespace}/{name}`: a [`CreateRequest`] of which only some fields are there.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = EndpointsUpdateRequest, value_type = Object)]
pub struct UpdateRequest(pub Map<String, Value>);

/// Unions: the new one takes the place of the old one, or there would be two in one object.
const UNIONS: &[&str] = &["image", "measure"];

/// Where null is a value. Elsewhere it is how 0.20.3 says that a field stays as it is: asked for a change
/// of one field, it sends the others of the same object as null.
const NULLABLE: &[&str] =
    &["scaleToZeroTimeout", "privateService", "route", "budget", "timeToLive"];

impl UpdateRequest {
    /// Returns what is asked for after this change: a merge at every depth, in which lists and unions are
    /// replaced whole. The name is merged like any other field; whoever calls this compares it.
    ///
    /// # Errors
    ///
    /// If what comes out is no [`CreateRequest`]; the message says which field, but not where it stood.
    pub fn applied_to(self, asked: &CreateRequest) -> Result<CreateRequest, serde_json::Error> {
        let mut merged = serde_json::to_value(asked)?;
        merge(&mut merged, Value::Object(self.0));
        serde_json::from_value(merged)
    }
}

fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                merge_field(old, key, value);
            }
        }
        (old, new) => *old = new,
    }
}

fn merge_field(fields: &mut Map<String, Value>, key: String, new: Value) {
    if new.is_null() && !NULLABLE.contains(&key.as_str()) {
        return;
    }
    match fields.get_mut(&key) {
        Some(old) if !UNIONS.contains(&key.as_str()) => merge(old, new),
        _ => {
            fields.insert(key, new);
        }
    }
}

impl<'de> Deserialize<'de> for UpdateRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        distinct::one(deserializer).map(Self)
    }
}

/// Who may use an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EndpointsAccess)]
pub enum Access {
    /// Everybody.
    Public,
    /// Everybody with a token, in the words of 2.4.0.
    Authenticated,
    /// Everybody with a token, in the words of 0.20.3.
    Protected,
    /// The owner.
    Private,
}

/// What an endpoint runs on, and how many times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsCompute)]
pub struct Compute {
    /// Such as `cpu` and `gpu`.
    pub accelerator: String,
    /// Such as `nvidia-a10g`.
    pub instance_type: String,
    /// Such as `x1`.
    pub instance_size: String,
    /// How many times.
    pub scaling: Scaling,
    /// The dollars after which it is paused; the server's own, and nothing that the vendor has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// The minutes since it was created or resumed after which it is paused; the server's own too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<u32>,
    /// What else was sent.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub other: Map<String, Value>,
}

/// How many replicas there are, and when there are more or fewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsScaling)]
pub struct Scaling {
    /// The fewest.
    pub min_replica: u32,
    /// The most.
    pub max_replica: u32,
    /// The minutes without a request after which there are none; null leaves them to the server.
    #[serde(default)]
    pub scale_to_zero_timeout: Option<u32>,
    /// What is looked at to add one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// What else was sent.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub other: Map<String, Value>,
}

/// What is looked at to add a replica, and from which value on one is added; null leaves that to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsMeasure)]
pub enum Measure {
    /// Requests that wait, for each replica.
    #[schema(value_type = Option<f64>)]
    PendingRequests(Option<Number>),
    /// Use of the processor, in percent.
    #[schema(value_type = Option<f64>)]
    HardwareUsage(Option<Number>),
    /// Ours: seconds from sending a request to a replica until its answer begins.
    #[schema(value_type = Option<f64>)]
    Latency(Option<Number>),
}

/// A model as it is sent: what is shown again, and what is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsSentModel)]
pub struct SentModel {
    /// Variables of its environment that nobody is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Secrets>,
    /// All the rest.
    #[serde(flatten)]
    pub shown: Model,
}

/// Variables whose values are left out of what is printed for debugging.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = EndpointsSecrets)]
pub struct Secrets(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        distinct::one(deserializer).map(Self)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets ")?;
        formatter.debug_map().entries(self.0.keys().map(|name| (name, "***"))).finish()
    }
}

/// What an endpoint runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsModel)]
pub struct Model {
    /// The repository of the model.
    pub repository: String,
    /// Its branch, tag or commit; null is `main`.
    #[serde(default)]
    pub revision: Option<String>,
    /// Such as `pytorch` and `custom`.
    #[serde(default)]
    pub framework: Option<String>,
    /// Such as `sentence-embeddings`.
    #[serde(default)]
    pub task: Option<String>,
    /// What runs it.
    pub image: Image,
    /// Variables of its environment, of 2.4.0.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// What the container starts with, of 2.4.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// What the command is given, of 2.4.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// What else was sent.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub other: Map<String, Value>,
}

/// What runs a model: an object with one field, whose name says which image is meant.
#[derive(Debug, Clone, PartialEq, ToSchema)]
#[schema(as = EndpointsImage)]
pub enum Image {
    /// `huggingface`: the vendor's own.
    #[schema(rename = "huggingface")]
    Huggingface(Container),
    /// `custom`: any container.
    #[schema(rename = "custom")]
    Custom(Container),
    /// `tei`: text-embeddings-inference.
    #[schema(rename = "tei")]
    Tei(Container),
    /// One of the others, such as `vLLM`.
    Other {
        /// Which.
        name: String,
        /// How it is set.
        container: Container,
    },
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut union = serializer.serialize_map(Some(1))?;
        match self {
            Self::Huggingface(container) => union.serialize_entry("huggingface", container)?,
            Self::Custom(container) => union.serialize_entry("custom", container)?,
            Self::Tei(container) => union.serialize_entry("tei", container)?,
            Self::Other { name, container } => union.serialize_entry(name, container)?,
        }
        union.end()
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ImageVisitor)
    }
}

struct ImageVisitor;

impl<'de> Visitor<'de> for ImageVisitor {
    type Value = Image;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(r#"an image, as in {"huggingface":{}}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut union: A) -> Result<Image, A::Error> {
        let Some(name) = union.next_key::<String>()? else {
            return Err(A::Error::invalid_length(0, &"one image"));
        };
        let image = match name.as_str() {
            "huggingface" => Image::Huggingface(union.next_value()?),
            "custom" => Image::Custom(union.next_value()?),
            "tei" => Image::Tei(union.next_value()?),
            _ => Image::Other { container: union.next_value()?, name: name.clone() },
        };
        match union.next_key::<String>()? {
            None => Ok(image),
            Some(second) => Err(A::Error::custom(format_args!(
                "image has `{name}` and `{second}`, and an endpoint runs one of them"
            ))),
        }
    }
}

/// How a container is set. Which of the fields it has depends on the image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsContainer)]
pub struct Container {
    /// The image in a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The path that answers when it is ready. Tutorial 0 spells it `health_route`.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "health_route")]
    pub health_route: Option<String>,
    /// The port that it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Variables of its environment.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "distinct::option"
    )]
    pub env: Option<BTreeMap<String, String>>,
    /// The most tokens in one forward pass, of `tei`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch_tokens: Option<u64>,
    /// The most requests at a time, of `tei`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_requests: Option<u64>,
    /// How states become an embedding, of `tei`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooling: Option<String>,
    /// How its registry is entered.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub credentials: Option<Credentials>,
    /// What else was sent.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub other: Map<String, Value>,
}

/// How a registry is entered. A password that was sent is read and forgotten: no container is fetched, and
/// what is not kept cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsCredentials)]
pub struct Credentials {
    /// The name of the account.
    pub username: String,
}

/// Where an endpoint runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsProvider)]
pub struct Provider {
    /// Such as `aws`.
    pub vendor: String,
    /// Such as `us-east-1`.
    pub region: String,
}

/// A private way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsPrivateService)]
pub struct PrivateService {
    /// The account that may take it.
    pub account_id: String,
    /// Where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// An address of the caller's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsRoute)]
pub struct Route {
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The path on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
