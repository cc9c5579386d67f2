//! `sembla config show`.

use super::flags::{ConfigShow, Flags};
use super::outcome::{Outcome, print};
use crate::config::{self, Command, Env};

/// What `sembla config` does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where it came from, as TOML
    #[command(after_help = "Example: sembla config show --config sembla.toml > effective.toml")]
    Show {
        #[command(flatten)]
        flags: Flags<ConfigShow>,
    },
}

/// Prints the settings that `sembla serve` would start with.
pub(crate) fn run(command: &ConfigCommand, env: &Env) -> anyhow::Result<Outcome> {
    let ConfigCommand::Show { flags } = command;
    let (_, layers) = config::load(Command::ConfigShow, &flags.given, env)?;
    print(&config::render(&layers))?;
    Ok(Outcome::Done)
}
