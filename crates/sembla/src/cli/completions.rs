//! `sembla completions SHELL`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;
use super::outcome::{Outcome, print};

/// Arguments of `sembla completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that will read the script.
    shell: Shell,
}

/// Prints the completion script of a shell.
pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sembla", &mut script);
    let script = String::from_utf8(script).expect("completion scripts are text");
    print(script.trim_end())?;
    Ok(Outcome::Done)
}
