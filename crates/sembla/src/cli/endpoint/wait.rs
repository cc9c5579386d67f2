//! `sembla endpoint wait`, and the `--wait` of other commands.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::huggingface_endpoints::{Endpoint, State};

use super::super::outcome::{Outcome, print};
use super::plane::{Form, OfOne, Plane};
use super::show::{Seen, line};
use crate::config::Env;
use crate::owner::Target;
use crate::progress::say;

/// How often to ask. An answer takes the server well under a millisecond.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A server that works has answered by then on a busy machine too, however little time is given.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);

/// Arguments of `sembla endpoint wait`.
#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    of: OfOne,

    /// The seconds after which to give up; else it waits until the endpoint runs or has failed
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// Flags of a command after which one may wait.
#[derive(Debug, clap::Args)]
pub(super) struct WaitFlags {
    /// Wait until it runs; exits with 1 and the reason if it will not
    #[arg(long)]
    wait: bool,

    /// The seconds after which to give up waiting
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "wait")]
    timeout: Option<Duration>,
}

/// How long to wait, and since when.
#[derive(Debug, Clone, Copy)]
struct Patience {
    begun: Instant,
    timeout: Option<Duration>,
}

/// What became of an endpoint that was waited for.
struct Waited {
    endpoint: Endpoint,
    /// Why it does not run, if it does not.
    problem: Option<String>,
}

/// Waits until an endpoint runs.
pub(super) fn run(args: &WaitArgs, env: &Env) -> anyhow::Result<Outcome> {
    let patience = Patience::of(args.timeout);
    let (plane, target) = args.of.open_within(env, patience.for_an_answer())?;
    let Waited { endpoint, problem } = until_running(&plane, &target, patience)?;
    if args.of.common.form() == Form::Json {
        Seen::of(&plane, &target, endpoint)?.print(Form::Json)?;
    } else if problem.is_none() {
        print(&line(&target, &endpoint))?;
    }
    Ok(outcome(problem))
}

impl WaitFlags {
    /// Prints an endpoint after a change, with `show`; if it is asked for, only when it runs or will not.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or stdout cannot be written.
    pub(super) fn finish(
        &self,
        plane: &Plane,
        target: &Target,
        changed: Endpoint,
        show: impl FnOnce(Endpoint) -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        if !self.wait {
            show(changed)?;
            return Ok(Outcome::Done);
        }
        let Waited { endpoint, problem } =
            until_running(plane, target, Patience::of(self.timeout))?;
        show(endpoint)?;
        Ok(outcome(problem))
    }

    /// Returns whether to wait.
    pub(super) fn is_given(&self) -> bool {
        self.wait
    }
}

impl Patience {
    fn of(timeout: Option<Duration>) -> Self {
        Self { begun: Instant::now(), timeout }
    }

    fn is_over(self) -> bool {
        self.timeout.is_some_and(|timeout| self.begun.elapsed() >= timeout)
    }

    /// Returns how long the server may take for one answer. Without a timeout that is not bounded either.
    fn for_an_answer(self) -> Option<Duration> {
        let rest = self.timeout?.saturating_sub(self.begun.elapsed());
        Some(rest.max(LEAST_PATIENCE))
    }
}

/// Says on stderr why it does not run, if it does not.
fn outcome(problem: Option<String>) -> Outcome {
    match problem {
        None => Outcome::Done,
        Some(problem) => {
            say(&format!("sembla: {problem}"));
            Outcome::No
        }
    }
}

/// Asks again and again, and says on stderr what changes.
fn until_running(plane: &Plane, target: &Target, patience: Patience) -> anyhow::Result<Waited> {
    let mut said = String::new();
    loop {
        let client = plane.client().within(patience.for_an_answer());
        let endpoint = plane.wait_on(target, client.get(target))?;
        let now = line(target, &endpoint);
        match verdict(target, &endpoint) {
            Verdict::Runs => return Ok(Waited { endpoint, problem: None }),
            Verdict::Over(problem) => return Ok(Waited { endpoint, problem: Some(problem) }),
            Verdict::OnItsWay => {}
        }
        if patience.is_over() {
            let seconds = patience.begun.elapsed().as_secs();
            let name = &target.name;
            let problem = Some(format!(
                "{now} after {seconds} s; wait longer with --timeout, or see `sembla endpoint logs \
                 {name}`"
            ));
            return Ok(Waited { endpoint, problem });
        }
        if now != said {
            say(&now);
            said = now;
        }
        // Within the runtime, which is what counts the time.
        plane.wait(async { sleep(LOOK_EVERY).await });
    }
}

/// Whether there is something to wait for.
enum Verdict {
    Runs,
    OnItsWay,
    /// It will not run by itself.
    Over(String),
}

fn verdict(target: &Target, endpoint: &Endpoint) -> Verdict {
    let name = &target.name;
    let remedy = match endpoint.status.state {
        State::Running => return Verdict::Runs,
        State::Pending | State::Initializing | State::Updating => return Verdict::OnItsWay,
        State::Paused | State::ScaledToZero => {
            format!("start it with `sembla endpoint resume {name}`")
        }
        State::Failed | State::UpdateFailed => {
            format!("`sembla endpoint logs {name}` prints what its replicas wrote")
        }
    };
    Verdict::Over(format!("{}; {remedy}", line(target, endpoint)))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let parsed = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    parsed.ok_or_else(|| "expected a number of seconds from 0".to_owned())
}
