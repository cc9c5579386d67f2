//! The binary: command line, configuration, models by name, and the shell around the other crates.
//!
//! Only this crate reads arguments and environment, and only here; everything behind gets values.

mod artifacts;
mod cli;
mod config;
mod format;
mod machine;
mod models;
mod one_request;
mod owner;
mod progress;
mod proxy;
mod replicas;
mod short_path;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let env = std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
    cli::run(std::env::args_os(), &env)
}
