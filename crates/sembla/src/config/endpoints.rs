//! What the settings decide about endpoints and their replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use ::endpoints::{Amount, Namespace, PriceTable};
use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// How endpoints are kept.
#[derive(Debug, Clone)]
pub(crate) struct EndpointsConfig {
    /// What a client is told it is; fit to be a namespace.
    pub(crate) default_namespace: String,
    /// Folders below which a client may name one as a model.
    pub(crate) model_dirs: Vec<String>,
    /// Where archives lie that are named by s3 URLs.
    pub(crate) s3_endpoint: Option<String>,
    /// Where clients upload to.
    pub(crate) s3_bucket: String,
    pub(crate) memory: ReplicaMemory,
    pub(crate) prices: PriceTable,
    /// How long a request waits for a replica.
    pub(crate) scale_up_timeout: Duration,
    /// How long a replica may take until it is ready.
    pub(crate) start_timeout: Duration,
    /// How long answers may take before another replica is started, if that counts.
    pub(crate) scale_up_latency: Option<Duration>,
}

/// The most memory that all replicas may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplicaMemory {
    /// A share of what there is.
    Auto,
    /// No bound.
    Unbounded,
    /// So many bytes.
    Bytes(u64),
}

impl ReplicaMemory {
    pub(super) fn from_value(value: &Value) -> Self {
        match value.as_integer().and_then(|bytes| u64::try_from(bytes).ok()) {
            None => Self::Auto,
            Some(0) => Self::Unbounded,
            Some(bytes) => Self::Bytes(bytes),
        }
    }
}

/// Makes the table of prices, which are not negative. What it does not list costs nothing.
pub(super) fn price_table(dollars: &BTreeMap<String, f64>) -> PriceTable {
    // A float holds every allowed price to far less than a millionth.
    let amount = |dollars: &f64| Amount::from_millionths((dollars * 1e6).round() as u64);
    let rows = dollars.iter().map(|(name, dollars)| (name.clone(), amount(dollars)));
    PriceTable::new(rows.collect(), Amount::ZERO)
}

/// Refuses a namespace in which no endpoint could be.
pub(super) fn check_namespace(name: &str, layers: &Layers) -> Result<(), ConfigError> {
    match Namespace::try_from(name.to_owned()) {
        Ok(_) => Ok(()),
        Err(_) => Err(ConfigError::Invalid {
            name: "default_namespace",
            value: name.to_owned(),
            source_of_value: layers.source("default_namespace"),
            expected: "up to 96 letters, digits, `-`, `_` and `.`, without `..`".to_owned(),
        }),
    }
}
