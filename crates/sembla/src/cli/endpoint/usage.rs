//! What an endpoint used and cost, as commands show it.

use serde::Serialize;
use wire::control::{Amount, Cost};

use super::plane::Plane;
use crate::owner::Target;

/// What was used under the name of an endpoint. All commands print it in this shape.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Usage {
    /// Requests that ended.
    pub(super) requests: u64,
    /// The tokens that they had.
    pub(super) tokens: u64,
    /// Minutes begun, over all replicas.
    pub(super) replica_minutes: u64,
    /// What an hour of a replica costs now; null if the endpoint was deleted.
    pub(super) price_per_hour: Option<Amount>,
    /// What it may cost, if that is bounded.
    pub(super) budget: Option<Amount>,
    /// What the minutes cost.
    pub(super) cost: Amount,
}

impl Usage {
    /// Asks what was used.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(super) fn of(plane: &Plane, target: &Target) -> anyhow::Result<Self> {
        let cost = plane.wait(plane.client().cost(target))?;
        let Cost { requests, tokens, replica_minutes, cost, price_per_hour, budget, .. } = cost;
        Ok(Self { requests, tokens, replica_minutes, price_per_hour, budget, cost })
    }
}

/// Adds amounts up.
pub(super) fn sum<'a>(amounts: impl Iterator<Item = &'a Amount>) -> Amount {
    let exact = |amount: &Amount| endpoints::Amount::from_millionths(amount.millionths);
    let sum: endpoints::Amount = amounts.map(exact).sum();
    Amount { millionths: sum.millionths(), shown: sum.to_string() }
}
