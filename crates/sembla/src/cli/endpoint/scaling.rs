//! The flags that say how many replicas an endpoint has.

use std::time::Duration;

use endpoints::{DEFAULT_IDLE, MAX_REPLICAS, Scaling};
use wire::huggingface_endpoints as wire;

use super::super::outcome::UsageError;
use super::fields::Fields;

/// How many replicas, as far as it is given.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Replicas")]
pub(super) struct ScalingFlags {
    /// The fewest; with 0 it sleeps when no request comes, and the next one wakes it
    #[arg(long, visible_alias = "min", value_name = "N")]
    min_replica: Option<u32>,

    /// The most
    #[arg(long, visible_alias = "max", value_name = "N")]
    max_replica: Option<u32>,

    /// The minutes without a request after which it sleeps, if it may have 0 replicas; 15 if this is
    /// never given
    #[arg(long, visible_alias = "to-zero-after", value_name = "MINUTES")]
    scale_to_zero_timeout: Option<u32>,
}

impl ScalingFlags {
    /// Writes what is given into a request.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if it cannot be, whatever the rest is like.
    pub(super) fn write(&self, fields: &mut Fields) -> Result<(), UsageError> {
        let Self { min_replica, max_replica, scale_to_zero_timeout } = self;
        check(
            min_replica.unwrap_or(0),
            max_replica.unwrap_or(MAX_REPLICAS),
            *scale_to_zero_timeout,
        )?;
        fields.put("compute.scaling.minReplica", *min_replica);
        fields.put("compute.scaling.maxReplica", *max_replica);
        fields.put("compute.scaling.scaleToZeroTimeout", *scale_to_zero_timeout);
        Ok(())
    }

    /// Returns the most replicas of an endpoint that is created, where that is not given.
    pub(super) fn default_max(&self) -> u32 {
        self.min_replica.unwrap_or(1).max(1)
    }
}

fn check(min: u32, max: u32, timeout: Option<u32>) -> Result<(), UsageError> {
    let idle = timeout.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
    Scaling::new(min, max, idle).map(drop).map_err(|err| UsageError(err.to_string()))
}

/// Says how many replicas there may be, and when there are none.
pub(super) fn describe(scaling: &wire::Scaling) -> String {
    let (min, max) = (scaling.min_replica, scaling.max_replica);
    if min == 0 {
        let default = DEFAULT_IDLE.as_secs() / 60;
        let minutes = scaling.scale_to_zero_timeout.map_or(default, u64::from);
        return format!("0 to {max}, none after {minutes} min without a request");
    }
    if min == max { format!("always {min}") } else { format!("{min} to {max}") }
}
