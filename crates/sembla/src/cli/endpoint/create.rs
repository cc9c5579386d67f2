//! `sembla endpoint create`.

use endpoints::Namespace;
use wire::control::Estimate;
use wire::huggingface_endpoints::CreateRequest;

use super::super::outcome::{Outcome, print};
use super::plane::{Form, OfOne, Plane};
use super::show::Seen;
use super::wait::WaitFlags;
use super::wanted::{SpecFlags, request};
use crate::config::Env;
use crate::owner::Target;
use crate::{format, progress};

/// Arguments of `sembla endpoint create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    of: OfOne,

    /// A folder, or a model of the Hub
    #[arg(short, long, value_name = "DIR|ORG/NAME")]
    model: String,

    /// Say what it would cost, and create nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,

    #[command(flatten)]
    waiting: WaitFlags,

    #[command(flatten)]
    spec: SpecFlags,
}

/// What an estimate is for: a month of 30 days.
const DAYS: u32 = 30;

/// Creates an endpoint.
pub(super) fn run(args: &CreateArgs, env: &Env) -> anyhow::Result<Outcome> {
    let form = args.of.common.form();
    let wanted = request(&args.of.name, &args.model, &args.spec, env)?;
    let (plane, target) = args.of.open(env)?;
    if args.dry_run {
        let estimate = estimate(&plane, &target.namespace, &wanted)?;
        let text = match form {
            Form::Text => format!("{target} would cost {}", describe(&estimate)),
            Form::Json => serde_json::to_string_pretty(&estimate)?,
        };
        print(&text)?;
        return Ok(Outcome::Done);
    }
    make(&plane, &target, &wanted, &args.waiting, form)
}

/// Creates the endpoint that is asked for, and shows it.
///
/// # Errors
///
/// If the server refuses, or does not answer.
pub(super) fn make(
    plane: &Plane,
    target: &Target,
    wanted: &CreateRequest,
    waiting: &WaitFlags,
    form: Form,
) -> anyhow::Result<Outcome> {
    let estimate = estimate(plane, &target.namespace, wanted)?;
    if estimate.replica_hour.millionths > 0 {
        progress::say(&format!("note: {target} will cost {}", describe(&estimate)));
    }
    let created = plane.wait(plane.client().create(&target.namespace, wanted))?;
    waiting.finish(plane, target, created, |endpoint| {
        Seen::of(plane, target, endpoint)?.print(form)?;
        if form == Form::Text && !waiting.is_given() {
            progress::say(&format!("next: sembla endpoint wait {}", target.name));
        }
        Ok(())
    })
}

fn estimate(
    plane: &Plane,
    namespace: &Namespace,
    wanted: &CreateRequest,
) -> anyhow::Result<Estimate> {
    Ok(plane.wait(plane.client().estimate(namespace, wanted, DAYS * 24))?)
}

fn describe(estimate: &Estimate) -> String {
    let Estimate { replica_hour, least, most, .. } = estimate;
    let month = if least == most {
        least.shown.clone()
    } else {
        format!("{} to {}", least.shown, most.shown)
    };
    let days = format::plural(u64::from(DAYS), "day");
    format!("{} an hour for each replica, {month} in {days}", replica_hour.shown)
}
