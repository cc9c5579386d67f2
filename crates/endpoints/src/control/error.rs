//! Why the control plane did not do what it was asked.

use crate::keys::KeyError;
use crate::name::{EndpointName, Namespace};
use crate::planner::shown;
use crate::price::Amount;
use crate::runtime::{ExamineError, RuntimeError};
use crate::status::Paused;
use crate::store::StoreError;

/// Something that was not done. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is an endpoint of this name.
    #[error("there is an endpoint `{namespace}/{name}` already; choose another name or delete it")]
    Taken {
        /// Whose.
        namespace: Namespace,
        /// The name.
        name: EndpointName,
    },
    /// There is none.
    #[error("there is no endpoint `{name}`")]
    NotFound {
        /// The namespace and the name, as they were sent.
        name: String,
    },
    /// It runs, or is on its way. Clients look for the words `already running`.
    #[error("endpoint `{name}` is already running")]
    AlreadyRunning {
        /// Which one.
        name: EndpointName,
    },
    /// It is paused, and only resuming may change that.
    #[error("endpoint `{name}` is paused by {}; resume it first", .paused.by)]
    IsPaused {
        /// Which one.
        name: EndpointName,
        /// By whom, and when.
        paused: Paused,
    },
    /// It would be paused again at once.
    #[error(
        "endpoint `{name}` has spent {spent} of its budget of {budget}; raise the budget first"
    )]
    OverBudget {
        /// Which one.
        name: EndpointName,
        /// What it has cost.
        spent: Amount,
        /// What it may cost.
        budget: Amount,
    },
    /// One replica takes more than the whole budget.
    #[error(
        "model `{model}` takes about {}, and the memory budget is {}; choose a model that fits, or raise the budget to {} or more",
        shown(*.needed_bytes), shown(*.budget_bytes), shown(*.needed_bytes)
    )]
    DoesNotFit {
        /// Which model.
        model: String,
        /// What a replica takes.
        needed_bytes: u64,
        /// What there is.
        budget_bytes: u64,
    },
    /// The model cannot be loaded here.
    #[error(transparent)]
    Examine(#[from] ExamineError),
    /// A key was wrong.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The runtime failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ControlError {
    /// Returns whether the same call could succeed later without a change by the user.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Runtime(_)
            | Self::Examine(ExamineError::Runtime(_))
            | Self::Key(KeyError::NoRandomness { .. })
            | Self::Store(
                StoreError::Full { .. } | StoreError::Unwritten { .. } | StoreError::Sqlite { .. },
            ) => true,
            Self::Taken { .. }
            | Self::NotFound { .. }
            | Self::AlreadyRunning { .. }
            | Self::IsPaused { .. }
            | Self::OverBudget { .. }
            | Self::DoesNotFit { .. }
            | Self::Examine(ExamineError::Model { .. })
            | Self::Key(
                KeyError::NoScope
                | KeyError::NoTokens
                | KeyError::Last { .. }
                | KeyError::NotFound { .. },
            )
            | Self::Store(StoreError::Newer { .. } | StoreError::Damaged { .. }) => false,
        }
    }
}
