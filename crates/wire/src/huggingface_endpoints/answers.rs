//! What the control plane answers: endpoints, hardware, logs, replicas, and who asks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Access, Compute, Model, PrivateService, Provider, Route};
use crate::timestamp::Timestamp;
use crate::{object, word};

/// Answer of every route that makes, shows or changes one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InferenceEndpoint)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Who may use it, in the word that was sent: an older client does not know the newer one.
    #[serde(rename = "type", deserialize_with = "word::one")]
    pub access: Access,
    /// The path below its URL that answers 200 when it is ready.
    pub health_route: String,
    /// As it was sent.
    #[serde(default)]
    pub account_id: Option<String>,
    /// As it was sent.
    #[serde(deserialize_with = "object::one")]
    pub provider: Provider,
    /// As it was sent.
    pub compute: Compute,
    /// As it was sent, without secrets.
    pub model: Model,
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub private_service: Option<PrivateService>,
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub route: Option<Route>,
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_http_responses: Option<bool>,
    /// As they were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// How it is.
    #[serde(deserialize_with = "object::one")]
    pub status: Status,
}

/// How an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsStatus)]
pub struct Status {
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    #[serde(deserialize_with = "object::one")]
    pub created_by: Actor,
    /// When it was last changed, paused or resumed.
    pub updated_at: Timestamp,
    /// Who did that.
    #[serde(deserialize_with = "object::one")]
    pub updated_by: Actor,
    /// Of a private endpoint.
    #[serde(default, deserialize_with = "object::option")]
    pub private: Option<PrivateStatus>,
    /// Which of the states it is in.
    #[serde(deserialize_with = "word::one")]
    pub state: State,
    /// What it does, or why it does not.
    pub message: String,
    /// Why the last start or update failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Replicas that answer.
    pub ready_replica: u32,
    /// Replicas that there are to be.
    pub target_replica: u32,
    /// When it was last asked something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Where it answers; null until it does. 0.20.3 waits for this alone, whatever the state.
    #[serde(default)]
    pub url: Option<String>,
}

/// The states of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsState)]
pub enum State {
    /// Accepted, and not yet starting.
    Pending,
    /// Starting.
    Initializing,
    /// Answering.
    Running,
    /// Answering as before while a change is made.
    Updating,
    /// Answering as before, since the change could not be made.
    UpdateFailed,
    /// Stopped by somebody, and started only by somebody.
    Paused,
    /// Stopped for want of requests, and started by the next.
    ScaledToZero,
    /// Not answering, until it is changed.
    Failed,
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsActor)]
pub struct Actor {
    /// The id of the account.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How a private endpoint is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsPrivateStatus)]
pub struct PrivateStatus {
    /// The name that the cloud knows it by.
    #[serde(default)]
    pub service_name: Option<String>,
}

/// Answer of `GET /v2/endpoint/{namespace}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = InferenceEndpointList)]
pub struct EndpointList {
    /// The endpoints of the namespace.
    #[serde(deserialize_with = "object::list")]
    pub items: Vec<Endpoint>,
}

/// Answer of `GET /v2/provider` and `GET /v2/provider/{namespace}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsHardwareList)]
pub struct HardwareList {
    /// What there is, by vendor.
    #[serde(deserialize_with = "object::list")]
    pub vendors: Vec<Vendor>,
}

/// What one vendor has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsVendor)]
pub struct Vendor {
    /// Such as `aws`.
    pub name: String,
    /// What it has, by region.
    #[serde(deserialize_with = "object::list")]
    pub regions: Vec<Region>,
}

/// What there is in one region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsRegion)]
pub struct Region {
    /// Such as `us-east-1`.
    pub name: String,
    /// What there is.
    #[serde(deserialize_with = "object::list")]
    pub computes: Vec<Hardware>,
}

/// A size of an instance type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsHardware)]
pub struct Hardware {
    /// Such as `aws-us-east-1-nvidia-l4-x1`.
    pub id: String,
    /// Such as `cpu` and `gpu`.
    pub accelerator: String,
    /// Such as `nvidia-l4`.
    pub instance_type: String,
    /// Such as `x1`.
    pub instance_size: String,
    /// The name of the processor, for people.
    pub architecture: String,
    /// How many accelerators one replica takes of the quota.
    pub num_accelerators: u32,
    /// Cores.
    #[serde(default)]
    pub num_cpus: Option<u32>,
    /// Memory.
    pub memory_gb: f64,
    /// Memory of the accelerators.
    #[serde(default)]
    pub gpu_memory_gb: Option<u32>,
    /// Dollars an hour for each replica.
    pub price_per_hour: f64,
    /// Whether it can be had.
    #[serde(deserialize_with = "word::one")]
    pub status: HardwareStatus,
    /// How much of it the namespace may have.
    #[serde(deserialize_with = "object::one")]
    pub quota: Quota,
}

/// Whether hardware can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EndpointsHardwareStatus)]
pub enum HardwareStatus {
    /// It can.
    Available,
    /// It can, but not for long.
    LowAvailability,
    /// It cannot.
    NotAvailable,
    /// By those who reserved it.
    Reserved,
    /// No longer.
    Deprecated,
}

/// How much a namespace may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointsQuota)]
pub struct Quota {
    /// The most accelerators.
    pub max_accelerators: u32,
    /// Those that are used.
    pub used_accelerators: u32,
}

/// Query of `GET /v2/endpoint/{namespace}/{name}/logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsLogsQuery)]
pub struct LogsQuery {
    /// Of this replica alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// Whether later lines follow while the connection stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<bool>,
    /// So many of the last lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<usize>,
    /// The characters after which a line is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_max_length: Option<usize>,
}

/// Answer of `GET /v2/endpoint/{namespace}/{name}/logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsLogList)]
pub struct LogList {
    /// The oldest first.
    #[serde(deserialize_with = "object::list")]
    pub items: Vec<LogEntry>,
}

/// A line that a replica wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsLogEntry)]
pub struct LogEntry {
    /// When, where that is known.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// What.
    pub line: String,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// Which replica.
    pub replica_id: String,
    /// Such as `info`, where the line says so.
    #[serde(default)]
    pub level: Option<String>,
}

/// Answer of `GET /v2/endpoint/{namespace}/{name}/replica`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsReplicaList)]
pub struct ReplicaList {
    /// The replicas that there are.
    #[serde(deserialize_with = "object::list")]
    pub items: Vec<Replica>,
}

/// A running copy of an endpoint's model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsReplica)]
pub struct Replica {
    /// Its id, as in a [`LogEntry`].
    pub id: String,
    /// How it is.
    #[serde(deserialize_with = "object::one")]
    pub status: ReplicaStatus,
}

/// How a replica is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointsReplicaStatus)]
pub struct ReplicaStatus {
    /// A word for how far it has come.
    pub stage: String,
    /// Whether it answers.
    pub live: bool,
}

/// Answer of `GET /api/whoami-v2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HubWhoAmI)]
pub struct WhoAmI {
    /// `user`: of anything else the clients say that it has no namespace.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the account.
    pub id: String,
    /// Its name, which is the namespace.
    pub name: String,
    /// The name for people.
    pub fullname: String,
    /// Where it gets letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The organizations whose namespaces it may use too.
    #[serde(deserialize_with = "object::list")]
    pub orgs: Vec<Organization>,
    /// What it came in with, of which a login shows the name and the role.
    #[serde(deserialize_with = "object::one")]
    pub auth: Auth,
}

/// Several who share a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HubOrganization)]
pub struct Organization {
    /// `org`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, which is the namespace.
    pub name: String,
}

/// What somebody came in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HubAuth)]
pub struct Auth {
    /// `access_token`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The token, without its value.
    #[serde(deserialize_with = "object::one")]
    pub access_token: AccessToken,
}

/// A token, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HubAccessToken)]
pub struct AccessToken {
    /// Its name.
    pub display_name: String,
    /// `read` or `write`.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
}
