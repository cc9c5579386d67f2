//! `cargo xtask bench --endpoints`: what the gateway adds to a replica, how soon an endpoint that sleeps answers,
//! and what many that sleep cost.
//!
//! The measuring is done by `xtask/examples/endpoints`.

use std::path::Path;

use super::{sample, tables};

/// Texts that are sent, at most.
const MAX_INPUTS: usize = 2_000;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct EndpointsSize {
    /// Endpoints that sleep
    #[arg(long, requires = "endpoints", default_value_t = 1_000)]
    idle: usize,
}

/// Measures, prints each table when it is there, and keeps all where that was asked for.
pub(super) fn run(
    size: &EndpointsSize,
    text: Option<&Path>,
    model: &Path,
    json: Option<&Path>,
) -> anyhow::Result<()> {
    let sample = sample::take(text, MAX_INPUTS)?;
    let mut command = tables::build("endpoints", model, &sample)?;
    command.args(["--idle", &size.idle.to_string()]);
    tables::print(command, &sample, json)
}
