//! Asking at a terminal for a text that is not shown while it is typed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Returns whether somebody is there who sees a question and can answer.
pub(super) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for the value of a secret. Nothing is an answer too: it leaves the secret out.
///
/// # Errors
///
/// If the terminal cannot be set or read, or its input ends.
pub(super) fn hidden(question: &str) -> anyhow::Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{question}, which is not shown; nothing to leave it out: ")
        .and_then(|()| stderr.flush())
        .context("failed to ask for a secret")?;
    let quiet = Quiet::begin().context("failed to hide what is typed")?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).context("failed to read the answer");
    drop(quiet);
    // The end of the line was not shown either.
    crate::progress::say("");
    anyhow::ensure!(read? > 0, "there was no answer");
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
