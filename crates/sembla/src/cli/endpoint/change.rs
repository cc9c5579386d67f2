//! `sembla endpoint pause|resume|scale|update`.

use wire::huggingface_endpoints::Endpoint;

use super::super::outcome::{Outcome, UsageError, print};
use super::fields::Fields;
use super::plane::{Form, OfOne, Plane};
use super::scaling::ScalingFlags;
use super::show::{Seen, line};
use super::wait::WaitFlags;
use super::wanted::{SpecFlags, change};
use crate::config::Env;
use crate::owner::{Action, Target};

/// Arguments of `sembla endpoint pause`.
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    of: OfOne,
}

/// Arguments of `sembla endpoint resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    of: OfOne,

    #[command(flatten)]
    waiting: WaitFlags,
}

/// Arguments of `sembla endpoint scale`.
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArgs {
    #[command(flatten)]
    of: OfOne,

    #[command(flatten)]
    scaling: ScalingFlags,

    /// Stop its replicas now; the next request starts one
    #[arg(long, conflicts_with_all = ["min_replica", "max_replica", "scale_to_zero_timeout"])]
    to_zero: bool,
}

/// Arguments of `sembla endpoint update`.
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    of: OfOne,

    /// A folder, or a model of the Hub
    #[arg(short, long, value_name = "DIR|ORG/NAME")]
    model: Option<String>,

    #[command(flatten)]
    waiting: WaitFlags,

    #[command(flatten)]
    spec: SpecFlags,
}

/// Pauses an endpoint.
pub(super) fn pause(args: &PauseArgs, env: &Env) -> anyhow::Result<Outcome> {
    let (plane, target) = args.of.open(env)?;
    let paused = plane.wait_on(&target, plane.client().act(&target, Action::Pause))?;
    show(&plane, &target, paused, args.of.common.form())?;
    Ok(Outcome::Done)
}

/// Resumes an endpoint.
pub(super) fn resume(args: &ResumeArgs, env: &Env) -> anyhow::Result<Outcome> {
    let (plane, target) = args.of.open(env)?;
    let resumed = plane.wait_on(&target, plane.client().act(&target, Action::Resume))?;
    args.waiting.finish(&plane, &target, resumed, |endpoint| {
        show(&plane, &target, endpoint, args.of.common.form())
    })
}

/// Changes how many replicas an endpoint has.
pub(super) fn scale(args: &ScaleArgs, env: &Env) -> anyhow::Result<Outcome> {
    let mut fields = Fields::default();
    args.scaling.write(&mut fields)?;
    if fields.is_empty() && !args.to_zero {
        let message = "nothing to scale is given; give one of --min N, --max N, --to-zero-after \
                       MINUTES and --to-zero";
        return Err(UsageError(message.to_owned()).into());
    }
    let (plane, target) = args.of.open(env)?;
    let scaled = if args.to_zero {
        plane.wait_on(&target, plane.client().act(&target, Action::ScaleToZero))?
    } else {
        plane.wait_on(&target, plane.client().update(&target, &fields.into_request()))?
    };
    show(&plane, &target, scaled, args.of.common.form())?;
    Ok(Outcome::Done)
}

/// Changes what is given.
pub(super) fn update(args: &UpdateArgs, env: &Env) -> anyhow::Result<Outcome> {
    let change = change(args.model.as_deref(), &args.spec, env)?;
    if change.is_empty() {
        let message =
            "nothing to change is given; `sembla endpoint update --help` lists what can be";
        return Err(UsageError(message.to_owned()).into());
    }
    let (plane, target) = args.of.open(env)?;
    let updated = plane.wait_on(&target, plane.client().update(&target, &change.into_request()))?;
    args.waiting.finish(&plane, &target, updated, |endpoint| {
        show(&plane, &target, endpoint, args.of.common.form())
    })
}

fn show(plane: &Plane, target: &Target, endpoint: Endpoint, form: Form) -> anyhow::Result<()> {
    match form {
        Form::Text => print(&line(target, &endpoint)),
        Form::Json => Seen::of(plane, target, endpoint)?.print(form),
    }
}
