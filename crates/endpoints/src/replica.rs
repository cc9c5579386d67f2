//! One running copy of an endpoint's model, as a runtime reports it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Names one endpoint for good: a number is never given twice, though a name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EndpointId(pub i64);

/// Counts the versions of an endpoint that need replicas of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

/// Which replica: the one of this ordinal, of this generation, of this endpoint. A replica that died
/// and the one that takes its place have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaKey {
    /// Whose.
    pub endpoint: EndpointId,
    /// Of which version.
    pub generation: Generation,
    /// From zero.
    pub ordinal: u32,
}

/// Names one launch of a replica. A runtime never gives the same number twice while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaunchId(pub u64);

/// A replica that exists, or has just ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Which one.
    pub key: ReplicaKey,
    /// Which launch of it.
    pub launch: LaunchId,
    /// How far it is.
    pub phase: Phase,
    /// Where it answers, once that is known.
    pub address: Option<Address>,
    /// What it holds in memory, where the runtime can tell.
    pub memory_bytes: Option<u64>,
}

/// How far a replica is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It was started and does not answer yet.
    Starting {
        /// What it is at, in words: the file it loads, the port it listens on.
        doing: String,
    },
    /// It answers.
    Ready,
    /// It was ready, and does not answer its health check.
    Unhealthy {
        /// What the check said.
        reason: String,
    },
    /// It was told to stop and finishes what it has.
    Stopping,
    /// It ended. A runtime lists it until it is stopped or started again.
    Exited(Exit),
}

/// How a replica ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// In words: a status, a signal.
    pub reason: String,
    /// The last lines of its log, oldest first.
    pub log_tail: Vec<String>,
}

/// Where a replica answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Socket(PathBuf),
}

impl Replica {
    /// Returns whether it was started and neither told to stop nor ended: what `max_replica` counts.
    pub fn is_live(&self) -> bool {
        match self.phase {
            Phase::Starting { .. } | Phase::Ready | Phase::Unhealthy { .. } => true,
            Phase::Stopping | Phase::Exited(_) => false,
        }
    }

    /// Returns whether requests may go to it.
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }
}

impl Generation {
    /// The first version of an endpoint.
    pub const FIRST: Self = Self(1);

    /// Returns the generation after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl fmt::Display for ReplicaKey {
    /// Writes `endpoint-generation-ordinal`, which is also fit to name a file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}", self.endpoint, self.generation, self.ordinal)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)?;
        if !self.log_tail.is_empty() {
            write!(formatter, "; its last lines: {}", self.log_tail.join(" | "))?;
        }
        Ok(())
    }
}
