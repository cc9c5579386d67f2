//! Baseten: its management API's models, deployments and environments, and errors. What `truss push` says in GraphQL
//! has no shapes of its own: a query names the fields it wants.
//!
//! # Source
//!
//! docs.baseten.co, the reference of the management API; truss 0.18.35, `truss/remote/baseten`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::timestamp::Timestamp;

/// A model: deployments under one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// Eight letters and digits.
    pub id: String,
    /// When it was pushed first.
    pub created_at: Timestamp,
    /// As it was pushed.
    pub name: String,
    /// How many deployments it has.
    pub deployments_count: usize,
    /// The deployment that answers for production.
    pub production_deployment_id: Option<String>,
    /// The deployment that answers for development.
    pub development_deployment_id: Option<String>,
    /// What it was to run on.
    pub instance_type_name: String,
}

/// The answer to a list of models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// In the order of their names.
    pub models: Vec<Model>,
}

/// One version of a model that runs, or might.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Eight letters and digits.
    pub id: String,
    /// When it was pushed.
    pub created_at: Timestamp,
    /// As it was pushed, or `deployment-1` and so on.
    pub name: String,
    /// Of which model.
    pub model_id: String,
    /// Whether it answers for production.
    pub is_production: bool,
    /// Whether it answers for development.
    pub is_development: bool,
    /// Such as `ACTIVE`.
    pub status: String,
    /// How many replicas are ready.
    pub active_replica_count: u32,
    /// How many replicas it has.
    pub autoscaling_settings: Autoscaling,
    /// What it was to run on.
    pub instance_type_name: String,
    /// The environment that it answers for.
    pub environment: Option<String>,
    /// Why the status is what it is, and what helps. Not the vendor's.
    pub status_reason: Option<String>,
    /// The endpoint behind it, as `/v2` has it. Not the vendor's.
    pub endpoint: String,
}

/// The answer to a list of deployments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentList {
    /// The first that was pushed is the first.
    pub deployments: Vec<Deployment>,
}

/// How many replicas a deployment has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Autoscaling {
    /// The fewest.
    pub min_replica: u32,
    /// The most.
    pub max_replica: u32,
    /// The seconds without a request after which there are the fewest.
    pub scale_down_delay: u64,
}

/// A name for whichever deployment is meant to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// Such as `production`.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Of which model.
    pub model_id: String,
    /// What answers.
    pub current_deployment: Option<Deployment>,
    /// What is being promoted.
    pub candidate_deployment: Option<Deployment>,
    /// How far that is.
    pub in_progress_promotion: Option<Promotion>,
    /// Why the last promotion was given up. Not the vendor's.
    pub promotion_failure: Option<String>,
}

/// The answer to a list of environments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentList {
    /// Production is the first.
    pub environments: Vec<Environment>,
}

/// A promotion that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Promotion {
    /// The share of the requests that the candidate gets, or will get when it is ready.
    pub percent_traffic_to_new_version: f64,
}

/// Body of a request for another environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateEnvironment {
    /// Lower-case letters, digits, `-` and `_`.
    pub name: String,
}

/// Body of a promotion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Promote {
    /// Which deployment. The vendor's routes that name it in their path leave it out.
    #[serde(default)]
    pub deployment_id: Option<String>,
    /// Whether replicas of what answered before may end; true if absent.
    #[serde(default)]
    pub scale_down_previous_deployment: Option<bool>,
    /// The share of the requests that it gets; all if absent. Not the vendor's, which has a ramp there.
    #[serde(default)]
    pub percent_traffic_to_new_version: Option<f64>,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// Its id.
    pub id: String,
    /// True.
    pub deleted: bool,
}

/// An answer to a request that changes a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// True.
    pub success: bool,
}

/// Body of an error of the management API and of a model. Clients of the one read `message`, of the other `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// Such as `NOT_FOUND`.
    pub code: String,
    /// What is wrong, the limit and the remedy.
    pub message: String,
    /// The same.
    pub error: String,
}

/// A GraphQL request.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphQlRequest {
    /// A document with one operation.
    pub query: String,
    /// The values of its variables.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// Which operation, where the document has several.
    #[serde(default)]
    pub operation_name: Option<String>,
}

/// The answer to a GraphQL request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GraphQlAnswer {
    /// The fields that were asked for; null if there is an error.
    pub data: Option<serde_json::Value>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<GraphQlError>,
}

/// An error of a GraphQL request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GraphQlError {
    /// What is wrong, the limit and the remedy.
    pub message: String,
    /// What it is called.
    pub extensions: GraphQlExtensions,
}

/// What is said of an error beside its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GraphQlExtensions {
    /// Such as `NOT_FOUND`.
    pub code: String,
}
