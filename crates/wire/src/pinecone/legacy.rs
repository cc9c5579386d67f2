//! The control plane of 2.x, whose word for an index is database.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Metric;
use crate::word;

/// Body of `POST /databases`. Pods, replicas and shards are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeCreateDatabaseRequest)]
pub struct CreateDatabaseRequest {
    /// Lower-case letters, digits and `-`.
    pub name: String,
    /// Floats of a vector.
    pub dimension: usize,
    /// `cosine` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub metric: Option<Metric>,
    /// A collection that it is to begin with; empty where it is to begin with nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
}

/// Answer of `GET /databases/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeDatabaseDescription)]
pub struct DatabaseDescription {
    /// What it is.
    pub database: Database,
    /// Whether it answers.
    pub status: DatabaseStatus,
}

/// An index of 2.x. What only a hosted service has is one of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeDatabase)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// How near two vectors are.
    pub metric: Metric,
    /// Floats of a vector.
    pub dimension: usize,
    /// Always 1.
    pub replicas: usize,
    /// Always 1.
    pub shards: usize,
    /// Always 1.
    pub pods: usize,
    /// Always `p1.x1`.
    pub pod_type: String,
}

/// Whether an index of 2.x answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeDatabaseStatus)]
pub struct DatabaseStatus {
    /// It does.
    pub ready: bool,
    /// `Ready`.
    pub state: String,
}

/// Answer of `GET /actions/whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeWhoAmI)]
pub struct WhoAmI {
    /// `sembla`.
    pub project_name: String,
    /// `sembla`.
    pub user_name: String,
    /// `sembla`.
    pub user_label: String,
}
