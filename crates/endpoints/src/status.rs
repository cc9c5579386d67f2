//! What is there: the state of an endpoint, why, and what to do about it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::planner::Drift;

/// The state of an endpoint, in the words of the Hugging Face Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Accepted; nothing was started yet.
    Pending,
    /// A replica starts, and none is ready.
    Initializing,
    /// At least one replica of the version that was asked for is ready.
    Running,
    /// A new version starts; the one before it serves as long as it has replicas.
    Updating,
    /// The new version was given up; the one before it serves.
    UpdateFailed,
    /// Somebody, the budget or the time to live stopped it; only resuming brings it back.
    Paused,
    /// It sleeps; a request wakes it.
    ScaledToZero,
    /// It was tried and given up.
    Failed,
}

/// Who or what paused an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PausedBy {
    /// A person or a program, under the name that it showed.
    User(String),
    /// Its budget was spent.
    Budget,
    /// Its time to live was over.
    TimeToLive,
}

/// That an endpoint is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// By whom.
    pub by: PausedBy,
    /// Since when.
    pub at: Timestamp,
}

/// Why an endpoint sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slept {
    /// Somebody sent it to sleep.
    User(String),
    /// It had no request for its idle time.
    Idle,
    /// Another endpoint needed its memory.
    Memory,
}

/// What is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// In one word.
    pub state: State,
    /// Why it is in this state, for a person; empty if there is nothing to say.
    pub reason: String,
    /// What would help, if anything.
    pub remedy: Option<String>,
    /// How many replicas requests may go to.
    pub ready_replicas: u32,
    /// How many there should be.
    pub target_replicas: u32,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// Who paused it and when, if it is paused.
    pub paused: Option<Paused>,
    /// How far the latest new version was from the one before it, if they were compared.
    pub drift: Option<Drift>,
    /// How long until a replica is ready, going by the last start; `None` if none is awaited or none
    /// was ever ready.
    pub eta: Option<Duration>,
}

impl Status {
    /// Returns why it is as it is and what would help, for a person; empty if there is nothing to say.
    pub fn explanation(&self) -> String {
        match (self.reason.as_str(), self.remedy.as_deref()) {
            ("", _) => String::new(),
            (reason, None) => reason.to_owned(),
            (reason, Some(remedy)) => format!("{reason}; {remedy}"),
        }
    }
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Initializing,
        Self::Running,
        Self::Updating,
        Self::UpdateFailed,
        Self::Paused,
        Self::ScaledToZero,
        Self::Failed,
    ];

    /// Returns the state as the Hub spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Initializing => "initializing",
            Self::Running => "running",
            Self::Updating => "updating",
            Self::UpdateFailed => "updateFailed",
            Self::Paused => "paused",
            Self::ScaledToZero => "scaledToZero",
            Self::Failed => "failed",
        }
    }
}

impl Status {
    /// Describes an endpoint without any replica.
    pub(crate) fn at_rest(state: State, reason: String, since: Timestamp) -> Self {
        Self {
            state,
            reason,
            remedy: None,
            ready_replicas: 0,
            target_replicas: 0,
            since,
            paused: None,
            drift: None,
            eta: None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for PausedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => formatter.write_str(name),
            Self::Budget => formatter.write_str("budget"),
            Self::TimeToLive => formatter.write_str("time to live"),
        }
    }
}

impl fmt::Display for Slept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(formatter, "scaled to zero by {name}"),
            Self::Idle => formatter.write_str("no request for its idle time"),
            Self::Memory => formatter.write_str("another endpoint needed its memory"),
        }
    }
}
