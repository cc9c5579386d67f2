//! `sembla endpoint cost`.

use endpoints::EndpointName;
use serde::Serialize;
use wire::control::Amount;

use super::super::outcome::{Outcome, print};
use super::plane::{Common, Form, Plane};
use super::usage::{Usage, sum};
use crate::config::Env;
use crate::format::{self, count};
use crate::owner::Target;
use crate::progress;

/// Arguments of `sembla endpoint cost`.
#[derive(Debug, clap::Args)]
pub(crate) struct CostArgs {
    /// One endpoint, which may have been deleted; else all that there are
    name: Option<EndpointName>,

    #[command(flatten)]
    common: Common,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Bill {
    endpoints: Vec<Row>,
    total: Amount,
}

/// What one endpoint cost.
#[derive(Serialize)]
struct Row {
    namespace: String,
    name: String,
    #[serde(flatten)]
    usage: Usage,
}

/// Shows what endpoints cost.
pub(super) fn run(args: &CostArgs, env: &Env) -> anyhow::Result<Outcome> {
    let plane = Plane::open(&args.common, env)?;
    let targets = targets(&plane, args)?;
    let bill = Bill::of(&plane, &targets)?;
    if args.name.is_some() {
        refuse_unknown(&plane, &targets, &bill)?;
    }
    let outcome = if bill.endpoints.is_empty() { Outcome::No } else { Outcome::Done };
    if args.common.form() == Form::Json {
        print(&serde_json::to_string_pretty(&bill)?)?;
    } else if bill.endpoints.is_empty() {
        progress::say(
            "no endpoints, and nothing that they cost; one that was deleted can be named",
        );
    } else {
        print(&bill.table())?;
    }
    Ok(outcome)
}

fn targets(plane: &Plane, args: &CostArgs) -> anyhow::Result<Vec<Target>> {
    let Some(name) = &args.name else {
        let all = plane.list(&plane.namespaces(&args.common)?)?;
        return Ok(all.into_iter().map(|(target, _)| target).collect());
    };
    Ok(vec![Target { namespace: plane.namespace(&args.common)?, name: name.clone() }])
}

/// What was never used under a name was most likely never an endpoint.
fn refuse_unknown(plane: &Plane, targets: &[Target], bill: &Bill) -> anyhow::Result<()> {
    for (target, Row { usage, .. }) in targets.iter().zip(&bill.endpoints) {
        if usage.price_per_hour.is_none() && usage.requests + usage.replica_minutes == 0 {
            plane.get(target)?;
        }
    }
    Ok(())
}

impl Bill {
    fn of(plane: &Plane, targets: &[Target]) -> anyhow::Result<Self> {
        let mut endpoints = Vec::new();
        for target in targets {
            let (namespace, name) = (target.namespace.to_string(), target.name.to_string());
            endpoints.push(Row { namespace, name, usage: Usage::of(plane, target)? });
        }
        let total = sum(endpoints.iter().map(|row| &row.usage.cost));
        Ok(Self { endpoints, total })
    }

    fn table(&self) -> String {
        let titles = ["ENDPOINT", "REPLICA MINUTES", "PRICE/HOUR", "REQUESTS", "TOKENS", "COST"];
        let mut rows = vec![titles.map(str::to_owned)];
        for Row { namespace, name, usage } in &self.endpoints {
            let price = usage.price_per_hour.as_ref();
            rows.push([
                format!("{namespace}/{name}"),
                count(usage.replica_minutes),
                price.map_or_else(|| "deleted".to_owned(), |price| price.shown.clone()),
                count(usage.requests),
                count(usage.tokens),
                usage.cost.shown.clone(),
            ]);
        }
        let sum_of = |part: fn(&Usage) -> u64| {
            count(self.endpoints.iter().map(|row| part(&row.usage)).sum())
        };
        rows.push([
            "total".to_owned(),
            sum_of(|usage| usage.replica_minutes),
            String::new(),
            sum_of(|usage| usage.requests),
            sum_of(|usage| usage.tokens),
            self.total.shown.clone(),
        ]);
        format::columns(&rows)
    }
}
