//! `sembla endpoint logs`.

use std::num::NonZeroUsize;

use super::super::flags::count;
use super::super::outcome::{Outcome, print};
use super::plane::{Form, OfOne};
use crate::config::Env;
use crate::{format, progress};

/// Arguments of `sembla endpoint logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    of: OfOne,

    /// How many of the last lines to print
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    tail: NonZeroUsize,

    /// Only those of this replica, by the name that stands before its lines
    #[arg(long, value_name = "NAME")]
    replica: Option<String>,
}

/// Prints what replicas wrote.
pub(super) fn run(args: &LogsArgs, env: &Env) -> anyhow::Result<Outcome> {
    let (plane, target) = args.of.open(env)?;
    let asked = plane.client().logs(&target, args.tail, args.replica.as_deref());
    let lines = plane.wait_on(&target, asked)?.items;
    if args.of.common.form() == Form::Json {
        print(&serde_json::to_string_pretty(&lines)?)?;
    } else if lines.is_empty() {
        progress::say(&format!("no lines yet: no replica of {target} wrote any"));
    } else {
        let line = |it: &wire::huggingface_endpoints::LogEntry| {
            format!("{}  {}", it.replica_id, format::printable(&it.line))
        };
        print(&lines.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Outcome::Done)
}
