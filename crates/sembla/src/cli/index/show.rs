//! `sembla index list|show`.

use index::{IndexDescription, Metric, NamespaceStats, Protection, Stats, VectorKind};
use serde::Serialize;
use server::index_object;

use super::super::flags::{Flags, Index};
use super::super::indexes::{Indexes, index_name};
use super::super::outcome::{Outcome, print};
use super::super::start::start;
use crate::config::{Command, Env};
use crate::{format, progress};

/// Arguments of `sembla index list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags<Index>,
}

/// Arguments of `sembla index show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The index
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags<Index>,
}

/// Lists all indexes.
pub(super) fn list(args: &ListArgs, env: &Env) -> anyhow::Result<Outcome> {
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    let all = indexes.wait(indexes.checked().list_indexes())?;
    let outcome = if all.is_empty() { Outcome::No } else { Outcome::Done };
    if args.json {
        let all: Vec<_> = all.into_iter().map(index_object).collect();
        print(&serde_json::to_string_pretty(&all)?)?;
    } else if all.is_empty() {
        progress::say("no indexes yet; make one with `sembla index create NAME --model MODEL`");
    } else {
        print(&table(&all))?;
    }
    Ok(outcome)
}

fn table(all: &[IndexDescription]) -> String {
    let mut rows = vec![["INDEX", "RECORDS", "DIMENSIONS", "METRIC", "MODEL"].map(str::to_owned)];
    for there in all {
        let spec = &there.spec;
        rows.push([
            spec.name.to_string(),
            format::count(there.num_records),
            dimensions(there),
            metric(spec.metric).to_owned(),
            spec.fingerprint.as_ref().map_or_else(|| "none".to_owned(), |it| it.model.clone()),
        ]);
    }
    format::columns(&rows)
}

fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "cosine",
        Metric::DotProduct => "dotproduct",
        Metric::Euclidean => "euclidean",
    }
}

fn dimensions(there: &IndexDescription) -> String {
    match there.spec.kind {
        VectorKind::Dense => there.spec.dimensions.to_string(),
        VectorKind::Sparse => "sparse".to_owned(),
    }
}

/// Shows one index.
pub(super) fn run(args: &ShowArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    let there = indexes.describe(&name)?;
    let stats = indexes.wait(indexes.checked().stats(&name, None))?;
    if args.json {
        print(&serde_json::to_string_pretty(&Shown::new(there, &stats))?)?;
    } else {
        print(&render(&there, &stats.namespaces))?;
    }
    Ok(Outcome::Done)
}

/// What `--json` prints: the index as the server describes it, and its namespaces.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    index: wire::indexes::Index,
    namespaces: Vec<wire::indexes::NamespaceStats>,
}

impl Shown {
    fn new(there: IndexDescription, stats: &Stats) -> Self {
        let namespace = |it: &NamespaceStats| wire::indexes::NamespaceStats {
            namespace: it.namespace.as_str().to_owned(),
            num_records: it.num_records,
        };
        let namespaces = stats.namespaces.iter().map(namespace).collect();
        Self { index: index_object(there), namespaces }
    }
}

/// Renders an index and how much its namespaces hold.
pub(super) fn render(there: &IndexDescription, namespaces: &[NamespaceStats]) -> String {
    let spec = &there.spec;
    let mut rows = vec![
        ("records", records(there.num_records, namespaces)),
        ("dimensions", dimensions(there)),
        ("metric", metric(spec.metric).to_owned()),
    ];
    match &spec.fingerprint {
        None => rows.push(("model", format!("none; `sembla index bind {}` binds one", spec.name))),
        Some(model) => {
            rows.push(("model", model.model.clone()));
            rows.push(("weights", model.weight_hash.chars().take(12).collect()));
            let length = if model.normalized { "length 1" } else { "any length" };
            rows.push(("pooling", format!("{}, {length}", model.pooling)));
            rows.push(("prompts", prompts(&model.document_prompt, &model.query_prompt)));
        }
    }
    let words = if jobs::is_hybrid(spec) { "found by words too" } else { "not found by words" };
    let field = jobs::text_field(spec).map(|field| format!("in field `{field}`, {words}"));
    rows.push(("texts", field.unwrap_or_else(|| words.to_owned())));
    if spec.protection == Protection::Enabled {
        rows.push(("protected", "from deletion".to_owned()));
    }
    let tags = spec.tags.iter().filter(|(tag, _)| *tag != jobs::TEXT_FIELD_TAG);
    rows.extend(tags.map(|(tag, value)| ("tag", format!("{tag} = {value}"))));
    format::card(spec.name.as_str(), &rows)
}

fn records(all: u64, namespaces: &[NamespaceStats]) -> String {
    let is_default_alone = namespaces.iter().all(|it| it.namespace.as_str().is_empty());
    if is_default_alone {
        return format::count(all);
    }
    let parts = namespaces.iter().map(|it| match it.namespace.as_str() {
        "" => format!("{} in the default namespace", format::count(it.num_records)),
        name => format!("{} in `{name}`", format::count(it.num_records)),
    });
    format!("{}: {}", format::count(all), parts.collect::<Vec<_>>().join(", "))
}

fn prompts(document: &str, query: &str) -> String {
    match (document, query) {
        ("", "") => "none".to_owned(),
        (document, query) => format!("{document:?} before documents, {query:?} before queries"),
    }
}
