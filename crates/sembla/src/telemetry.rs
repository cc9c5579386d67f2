//! Logs, to stderr: stdout belongs to what a command answers.

use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing::subscriber::set_global_default;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogConfig, LogFormat};

/// A filter that is not one.
#[derive(Debug, thiserror::Error)]
#[error(
    "`log_level` is `{filter}`, expected off, error, warn, info, debug, trace, or a list such as \
     `warn,engine=debug`"
)]
pub(crate) struct FilterError {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Sends what the program and its crates log to stderr from here on.
///
/// # Errors
///
/// [`FilterError`] if the filter cannot be read.
pub(crate) fn start(config: &LogConfig) -> Result<(), FilterError> {
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .map_err(|source| FilterError { filter: config.filter.clone(), source })?;
    let colours = std::io::stderr().is_terminal();
    let logs = fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        // That a line could not be written would be said where it could not be written, which panics.
        .log_internal_errors(false);
    match config.format {
        LogFormat::Text => install(logs.with_target(false).compact().finish()),
        LogFormat::Json => install(logs.json().flatten_event(true).finish()),
    }
    Ok(())
}

/// Installs a subscriber for `tracing` alone. What crates send to `log` is left out: at its lowest
/// level the HTTP client writes the bytes of its requests there, and the Hub's token with them.
fn install(subscriber: impl Subscriber + Send + Sync) {
    set_global_default(subscriber).expect("logs are started once");
}
