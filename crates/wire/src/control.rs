//! Our own JSON of the control plane: keys, and what endpoints cost.
//!
//! Amounts are strings of dollars, such as `$0.04`, because they are exact; beside each stands the number
//! of millionths for programs that add.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::timestamp::Timestamp;

/// Body of `POST /api/keys`: a key that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ControlKeyRequest)]
pub struct CreateKey {
    /// For people, to tell keys apart.
    pub name: String,
    /// What it may do: at least one of `admin`, `invoke` and `read`.
    pub scopes: Vec<String>,
    /// The only namespace in which it may; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// How many tokens it may send in a minute; absent for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
}

/// A key, without what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlKey)]
pub struct Key {
    /// Its number, which rotating and revoking take.
    pub id: i64,
    /// Its first characters.
    pub start: String,
    /// As it was asked for.
    pub name: String,
    /// As they were asked for.
    pub scopes: Vec<String>,
    /// As it was asked for.
    #[serde(default)]
    pub namespace: Option<String>,
    /// As it was asked for.
    #[serde(default)]
    pub tokens_per_minute: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last given a new secret, if ever.
    #[serde(default)]
    pub rotated_at: Option<Timestamp>,
}

/// Answer of `POST /api/keys` and `POST /api/keys/{id}/rotate`: the only time that the secret is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlNewKey)]
pub struct NewKey {
    /// What is kept of it.
    #[serde(flatten)]
    pub key: Key,
    /// What clients send.
    pub secret: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewKey").field("key", &self.key).field("secret", &"***").finish()
    }
}

/// Answer of `GET /api/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlKeyList)]
pub struct KeyList {
    /// The keys, in the order in which they were made.
    pub keys: Vec<Key>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlAmount)]
pub struct Amount {
    /// In millionths of a dollar.
    pub millionths: u64,
    /// For people, such as `$0.04`.
    #[schema(example = "$0.04")]
    pub shown: String,
}

/// Answer of `GET /api/endpoints/{namespace}/{name}/cost`: what was used under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlCost)]
pub struct Cost {
    /// Since when.
    pub since: Timestamp,
    /// How many requests ended.
    pub requests: u64,
    /// How many tokens they had.
    pub tokens: u64,
    /// Minutes begun, over all replicas.
    pub replica_minutes: u64,
    /// What those cost.
    pub cost: Amount,
    /// What an hour of a replica costs now; null if the endpoint was deleted.
    #[serde(default)]
    pub price_per_hour: Option<Amount>,
    /// What it may cost before it is paused, if that is bounded.
    #[serde(default)]
    pub budget: Option<Amount>,
    /// The requests by minute and key.
    pub rows: Vec<UsageRow>,
}

/// What one key asked of one endpoint in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlUsageRow)]
pub struct UsageRow {
    /// The number of the key; null without one.
    #[serde(default)]
    pub key: Option<i64>,
    /// The beginning of the minute.
    pub minute: Timestamp,
    /// How many requests ended.
    pub requests: u64,
    /// How many tokens they had.
    pub tokens: u64,
}

/// Answer of `POST /api/endpoints/{namespace}/estimate`: what an endpoint would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlEstimate)]
pub struct Estimate {
    /// For how many hours it was reckoned.
    pub hours: u32,
    /// An hour of one replica.
    pub replica_hour: Amount,
    /// With the fewest replicas up all the time.
    pub least: Amount,
    /// With the most.
    pub most: Amount,
}
