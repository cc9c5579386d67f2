//! `sembla index bind|recall`: the model of an index, and how well searches find its vectors.

use std::num::NonZeroUsize;

use index::{IndexChange, MAX_TOP_K, Namespace, StoreError};
use serde::Serialize;

use super::super::bound::{fingerprint_of_asked, refused};
use super::super::flags::{Flags, Index, IndexModel, count};
use super::super::indexes::{Indexes, index_name};
use super::super::outcome::{Outcome, UsageError, print};
use super::super::start::start;
use super::show::render;
use crate::config::{Command, Env};
use crate::format::plural;

/// Arguments of `sembla index bind`.
#[derive(Debug, clap::Args)]
pub(crate) struct BindArgs {
    /// The index
    name: String,
    /// Bind it even if another model is bound, whose vectors cannot be compared with this one's
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    flags: Flags<IndexModel>,
}

/// Binds a model.
pub(super) fn bind(args: &BindArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let started = start(Command::IndexModel, &args.flags.given, env)?;
    let given = fingerprint_of_asked(&started)?;
    let indexes = Indexes::open(&started)?;
    let there = indexes.describe(&name)?;
    if let (Some(recorded), false) = (&there.spec.fingerprint, args.force) {
        jobs::check_document_model(&name, recorded, &given)
            .map_err(|err| refused(&err, "bind it all the same with --force"))?;
    }
    if given.dimensions != there.spec.dimensions {
        anyhow::bail!(
            "the embeddings of {} have {} dimensions, and index `{name}` has {}",
            given.model,
            given.dimensions,
            there.spec.dimensions
        );
    }
    let change = IndexChange { fingerprint: Some(given), ..IndexChange::default() };
    let bound = indexes.wait(indexes.checked().configure_index(&name, &change))?;
    print(&render(&bound, &[]))?;
    Ok(Outcome::Done)
}

/// Arguments of `sembla index recall`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecallArgs {
    /// The index
    name: String,
    /// The namespace
    #[arg(long, value_name = "NAME", default_value = "")]
    namespace: String,
    /// How many records each query is to find
    #[arg(short = 'k', long, value_name = "N", default_value = "10", value_parser = count)]
    top_k: NonZeroUsize,
    /// How many stored vectors are looked for
    #[arg(long, value_name = "N", default_value = "100", value_parser = count)]
    samples: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags<Index>,
}

#[derive(Serialize)]
struct Measured {
    num_queries: usize,
    top_k: usize,
    recall: f64,
    p50_ms: f64,
    exact_p50_ms: f64,
}

/// Measures.
pub(super) fn recall(args: &RecallArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let (top_k, samples) = (args.top_k.get(), args.samples.get());
    at_most("--top-k", top_k, MAX_TOP_K)?;
    at_most("--samples", samples, jobs::MAX_SAMPLES)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    indexes.describe(&name)?;
    let namespace = Namespace::new(args.namespace.clone());
    let measured =
        indexes.wait(jobs::recall(indexes.checked(), &name, &namespace, top_k, samples))?;
    if measured.num_queries == 0 {
        let (index, namespace) = (name.as_str().to_owned(), args.namespace.clone());
        return Err(StoreError::NamespaceNotFound { index, namespace }.into());
    }
    let measured = Measured {
        num_queries: measured.num_queries,
        top_k,
        recall: measured.recall,
        p50_ms: measured.p50.as_secs_f64() * 1e3,
        exact_p50_ms: measured.exact_p50.as_secs_f64() * 1e3,
    };
    if args.json {
        print(&serde_json::to_string_pretty(&measured)?)?;
    } else {
        print(&measured.text())?;
    }
    Ok(Outcome::Done)
}

fn at_most(flag: &str, given: usize, max: usize) -> Result<(), UsageError> {
    if given <= max {
        return Ok(());
    }
    Err(UsageError(format!("{flag} is 1 to {max}, not {given}")))
}

impl Measured {
    fn text(&self) -> String {
        let lines = [
            format!("recall@{}  {:.4}", self.top_k, self.recall),
            format!("  queries  {} of stored vectors", plural(self.num_queries as u64, "sample")),
            format!("  median   {:.3} ms", self.p50_ms),
            format!("  exact    {:.3} ms", self.exact_p50_ms),
        ];
        lines.join("\n")
    }
}
