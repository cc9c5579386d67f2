//! `sembla endpoint list|show`, and how endpoints are shown.

use serde::Serialize;
use wire::huggingface_endpoints as wire;

use super::super::outcome::{Outcome, print};
use super::plane::{Common, Form, OfOne, Plane};
use super::scaling;
use super::usage::Usage;
use crate::config::Env;
use crate::format::{self, count};
use crate::owner::Target;
use crate::progress;

/// Arguments of `sembla endpoint list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    common: Common,
}

/// Arguments of `sembla endpoint show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    of: OfOne,
}

/// An endpoint as `--json` prints it: as the server shows it, whose it is, and what it used.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    namespace: String,
    #[serde(flatten)]
    endpoint: wire::Endpoint,
    usage: Usage,
}

/// Lists all endpoints.
pub(super) fn list(args: &ListArgs, env: &Env) -> anyhow::Result<Outcome> {
    let plane = Plane::open(&args.common, env)?;
    let namespaces = plane.namespaces(&args.common)?;
    let mut all = Vec::new();
    for (target, endpoint) in plane.list(&namespaces)? {
        all.push(Seen::of(&plane, &target, endpoint)?);
    }
    let outcome = if all.is_empty() { Outcome::No } else { Outcome::Done };
    if args.common.form() == Form::Json {
        print(&serde_json::to_string_pretty(&all)?)?;
    } else if all.is_empty() {
        progress::say(
            "no endpoints yet; make one with `sembla endpoint create NAME --model MODEL`",
        );
    } else {
        print(&table(&all))?;
    }
    Ok(outcome)
}

fn table(all: &[Seen]) -> String {
    let titles = ["ENDPOINT", "STATE", "READY", "COST", "MODEL", "URL"];
    let mut rows = vec![titles.map(str::to_owned)];
    for Seen { namespace, endpoint, usage } in all {
        rows.push([
            format!("{namespace}/{}", endpoint.name),
            word(&endpoint.status.state),
            ready(&endpoint.status),
            usage.cost.shown.clone(),
            format::printable(&endpoint.model.repository),
            url(&endpoint.status),
        ]);
    }
    format::columns(&rows)
}

/// Shows one endpoint.
pub(super) fn run(args: &ShowArgs, env: &Env) -> anyhow::Result<Outcome> {
    let (plane, target) = args.of.open(env)?;
    let endpoint = plane.get(&target)?;
    Seen::of(&plane, &target, endpoint)?.print(args.of.common.form())?;
    Ok(Outcome::Done)
}

impl Seen {
    /// Adds to an endpoint what it used.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(super) fn of(
        plane: &Plane,
        target: &Target,
        endpoint: wire::Endpoint,
    ) -> anyhow::Result<Self> {
        let usage = Usage::of(plane, target)?;
        Ok(Self { namespace: target.namespace.to_string(), endpoint, usage })
    }

    /// Prints all of it.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn print(&self, form: Form) -> anyhow::Result<()> {
        match form {
            Form::Text => print(&self.card()),
            Form::Json => print(&serde_json::to_string_pretty(self)?),
        }
    }

    fn card(&self) -> String {
        let Self { namespace, endpoint, usage } = self;
        let (status, compute, model) = (&endpoint.status, &endpoint.compute, &endpoint.model);
        let mut rows = vec![("state", word(&status.state))];
        if !status.message.is_empty() {
            // Why it is not running; and of one that runs, what differs from what was asked for.
            let label = if status.state == wire::State::Running { "note" } else { "reason" };
            rows.push((label, format::printable(&status.message)));
        }
        let replicas = scaling::describe(&compute.scaling);
        rows.push(("replicas", format!("{} ready; {replicas}", ready(status))));
        rows.push(("url", url(status)));
        rows.push(("model", format::printable(&model.repository)));
        rows.extend(model.revision.iter().map(|it| ("revision", format::printable(it))));
        rows.extend(model.task.iter().map(|it| ("task", format::printable(it))));
        rows.push(("image", image(&model.image)));
        let variables = model.env.iter().flatten();
        rows.extend(
            variables
                .map(|(name, value)| ("variable", format::printable(&format!("{name}={value}")))),
        );
        rows.push(("type", word(&endpoint.access)));
        rows.push(("instance", instance(endpoint)));
        rows.push(("cost", cost(usage)));
        rows.extend(usage.budget.iter().map(|it| ("budget", it.shown.clone())));
        let time_to_live = compute.time_to_live.iter();
        rows.extend(time_to_live.map(|minutes| ("time to live", format!("{minutes} min"))));
        let tags = endpoint.tags.iter().flatten();
        rows.extend(tags.map(|tag| ("tag", format::printable(tag))));
        let created_by = format::printable(&status.created_by.name);
        rows.push(("created", format!("{} by {created_by}", status.created_at)));
        format::card(&format!("{namespace}/{}", endpoint.name), &rows)
    }
}

/// Says how an endpoint is, in one line.
pub(super) fn line(target: &Target, endpoint: &wire::Endpoint) -> String {
    let status = &endpoint.status;
    let state = word(&status.state);
    let line = match status.state {
        wire::State::Paused | wire::State::ScaledToZero | wire::State::Failed => state,
        wire::State::Pending
        | wire::State::Initializing
        | wire::State::Running
        | wire::State::Updating
        | wire::State::UpdateFailed => format!("{state}, {} replicas ready", ready(status)),
    };
    let why = match status.message.as_str() {
        "" => String::new(),
        message => format!(" ({})", format::printable(message)),
    };
    format!("endpoint {target} is {line}{why}")
}

/// Returns the word that a value without fields has in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("a word can be written");
    value.as_str().unwrap_or_default().to_owned()
}

fn ready(status: &wire::Status) -> String {
    format!("{} of {}", status.ready_replica, status.target_replica)
}

fn url(status: &wire::Status) -> String {
    status.url.clone().unwrap_or_else(|| "none yet".to_owned())
}

fn image(image: &wire::Image) -> String {
    match image {
        wire::Image::Huggingface(_) => "huggingface".to_owned(),
        wire::Image::Tei(_) => "tei".to_owned(),
        wire::Image::Custom(container) => {
            let url = container.url.as_deref().unwrap_or("no URL");
            format!("custom, {}", format::printable(url))
        }
        wire::Image::Other { name, .. } => format::printable(name),
    }
}

fn instance(endpoint: &wire::Endpoint) -> String {
    let compute = &endpoint.compute;
    let (kind, size) = (&compute.instance_type, &compute.instance_size);
    let wire::Provider { vendor, region } = &endpoint.provider;
    format::printable(&format!("{kind} {size}, {} of {vendor} in {region}", compute.accelerator))
}

fn cost(usage: &Usage) -> String {
    let minutes = format::plural(usage.replica_minutes, "replica minute");
    let price = match &usage.price_per_hour {
        Some(price) => format!(" at {} an hour", price.shown),
        None => String::new(),
    };
    let requests = format::plural(usage.requests, "request");
    format!("{} for {minutes}{price}; {requests}, {} tokens", usage.cost.shown, count(usage.tokens))
}
