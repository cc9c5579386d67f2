//! `sembla endpoint delete`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use serde_json::json;

use super::super::outcome::{Outcome, UsageError, print};
use super::plane::{Form, OfOne};
use super::show::line;
use crate::config::Env;
use crate::owner::Target;
use crate::progress;

/// Arguments of `sembla endpoint delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    of: OfOne,

    /// Do not ask on a terminal whether that is meant
    #[arg(short, long)]
    yes: bool,
}

/// Deletes an endpoint.
pub(super) fn run(args: &DeleteArgs, env: &Env) -> anyhow::Result<Outcome> {
    let is_asked = is_asked(args.yes, io::stdin().is_terminal(), io::stderr().is_terminal())?;
    let (plane, target) = args.of.open(env)?;
    let there = plane.get(&target)?;
    if is_asked && !is_meant(&format!("{}; delete it?", line(&target, &there)))? {
        progress::say("nothing was deleted");
        return Ok(Outcome::No);
    }
    plane.wait_on(&target, plane.client().delete(&target))?;
    print(&gone(&target, args.of.common.form()))?;
    Ok(Outcome::Done)
}

fn gone(target: &Target, form: Form) -> String {
    let Target { namespace, name } = target;
    match form {
        Form::Text => format!("endpoint {target} is gone"),
        Form::Json => {
            let (namespace, name) = (namespace.as_str(), name.as_str());
            format!("{:#}", json!({"namespace": namespace, "name": name, "deleted": true}))
        }
    }
}

/// Returns whether to ask. A script cannot answer, and has said what it means; a person can, who must see the
/// question.
fn is_asked(yes: bool, can_answer: bool, can_see: bool) -> Result<bool, UsageError> {
    if !yes && can_answer && !can_see {
        let message =
            "stderr is no terminal, on which you would be asked whether to delete it; give --yes";
        return Err(UsageError(message.to_owned()));
    }
    Ok(!yes && can_answer)
}

/// Asks on the terminal. Anything but yes is no.
fn is_meant(question: &str) -> anyhow::Result<bool> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).context("failed to ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("failed to read the answer")?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::{is_asked, is_yes};

    #[test]
    fn who_can_answer_is_asked_and_must_see_it() {
        let asked = |yes, can_answer, can_see| is_asked(yes, can_answer, can_see).ok();
        assert_eq!(asked(false, true, true), Some(true));
        assert_eq!(asked(false, true, false), None);
        for (yes, can_answer, can_see) in
            [(false, false, true), (false, false, false), (true, true, true), (true, true, false)]
        {
            assert_eq!(asked(yes, can_answer, can_see), Some(false));
        }
    }

    #[test]
    fn anything_but_yes_is_no() {
        assert!(["y\n", "Yes\r\n", " YES "].into_iter().all(is_yes));
        assert!(!["", "\n", "n\n", "no\n", "yess\n", "tiny\n"].into_iter().any(is_yes));
    }
}
