//! What starts and stops replicas: processes here, pods elsewhere.

#[cfg(test)]
pub(crate) mod fake;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::planner::Drift;
use crate::replica::{EndpointId, Generation, Replica, ReplicaKey};
use crate::spec::Spec;

/// What a runtime could not do. It is shown in the status and tried again; the texts hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// There is no such replica.
    #[error("there is no replica {replica}")]
    NoReplica {
        /// Which one was meant.
        replica: ReplicaKey,
    },
    /// It took too long.
    #[error("{what} took longer than {} s", .limit.as_secs_f32())]
    TimedOut {
        /// What was asked of the runtime.
        what: &'static str,
        /// For how long it was waited for.
        limit: Duration,
    },
    /// The machine refused.
    #[error("{what}: {reason}")]
    Refused {
        /// What was tried, such as `failed to start a process`.
        what: &'static str,
        /// What the machine said, such as the port that is taken or the file that is missing.
        reason: String,
    },
}

/// Why a spec cannot be run here at all. Nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExamineError {
    /// There is no such model.
    #[error("model `{source_name}` cannot be loaded: {reason}")]
    Model {
        /// What was to be loaded.
        source_name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The runtime could not tell.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// What a runtime knows of a spec before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Examined {
    /// What one replica will take in memory, as far as that is known.
    pub memory_bytes: Option<u64>,
    /// What differs from what was asked for, such as a CPU where a GPU was named.
    pub note: Option<String>,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Start {
    /// Under which key.
    pub key: ReplicaKey,
    /// With which spec: that of the key's generation.
    pub spec: Arc<Spec>,
}

/// A line that a replica wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Of which version.
    pub generation: Generation,
    /// Of which replica.
    pub ordinal: u32,
    /// Without its line end.
    pub text: String,
}

/// What starts and stops replicas. Level-triggered: whoever uses it asks what there is, and never
/// relies on having been told of a change.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Looks whether a spec can be run, without starting anything.
    async fn examine(&self, spec: &Spec) -> Result<Examined, ExamineError>;

    /// Returns every replica that exists or has ended and was not stopped since. It must answer at
    /// once, from what the runtime knows already.
    async fn list(&self) -> Result<Vec<Replica>, RuntimeError>;

    /// Starts a replica and returns once it exists, long before it is ready.
    ///
    /// If the key's replica is live or stopping, nothing happens. If it has ended, a new launch takes
    /// its place.
    async fn start(&self, start: Start) -> Result<(), RuntimeError>;

    /// Stops a replica: it takes nothing new, finishes what it has within `drain`, and is then ended
    /// by force. It is listed as stopping as soon as this is called, and not at all once it is gone.
    /// Returns when it is gone; a replica that has ended or does not exist is no error.
    async fn stop(&self, replica: ReplicaKey, drain: Duration) -> Result<(), RuntimeError>;

    /// Asks a replica for its health. Whoever calls it puts a limit on it.
    async fn probe(&self, replica: ReplicaKey) -> Result<(), RuntimeError>;

    /// Embeds fixed texts with two ready replicas and compares the results.
    async fn compare(&self, live: ReplicaKey, next: ReplicaKey) -> Result<Drift, RuntimeError>;

    /// Returns the last lines of all replicas of an endpoint, oldest first: at most `limit`.
    async fn logs(&self, endpoint: EndpointId, limit: usize) -> Result<Vec<LogLine>, RuntimeError>;

    /// Waits until something may have changed since the last call returned. It may return for no
    /// reason, but not without end.
    async fn changed(&self);
}
