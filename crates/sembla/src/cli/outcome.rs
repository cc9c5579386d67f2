//! How a command ends: its exit code, its error on stderr, and a reader of its output that is gone.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::models::reference::RefError;
use crate::owner::OwnerError;

/// What a command that did not fail says to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done, or the answer is yes.
    Done,
    /// The answer is no.
    No,
}

/// The command was given in a way that cannot work, whatever the machine is like.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

const NO: u8 = 1;
const USAGE: u8 = 2;
const FAILED: u8 = 3;

/// Prints an error once, as one chain, and returns the exit code.
pub(crate) fn conclude(result: Result<Outcome, anyhow::Error>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(NO),
        Err(err) if is_broken_pipe(&err) => ExitCode::SUCCESS,
        Err(err) => {
            crate::progress::say(&format!("sembla: {err:#}"));
            ExitCode::from(if is_usage(&err) { USAGE } else { FAILED })
        }
    }
}

/// Writes what a command answers to stdout.
///
/// # Errors
///
/// If stdout cannot be written; a reader that is gone ends the program quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(PrintError)?;
    Ok(())
}

/// Stdout that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to stdout")]
struct PrintError(#[source] io::Error);

/// Whether the reader of our output went away, as `head` does. Only stdout counts: a broken pipe
/// anywhere else is a failure.
fn is_broken_pipe(err: &anyhow::Error) -> bool {
    let print = err.downcast_ref::<PrintError>();
    print.is_some_and(|PrintError(source)| source.kind() == io::ErrorKind::BrokenPipe)
}

fn is_usage(err: &anyhow::Error) -> bool {
    err.chain().any(|cause| {
        cause.is::<UsageError>()
            || cause.is::<ConfigError>()
            || cause.is::<RefError>()
            || cause.downcast_ref().is_some_and(OwnerError::is_usage)
    })
}
