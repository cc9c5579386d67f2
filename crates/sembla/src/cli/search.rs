//! `sembla search`: what is closest to a query, in an index or in the folder of an embedded dataset.

mod dataset;
mod explain;
mod indexed;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use jobs::{Embed as _, EngineEmbedder};
use serde_json::Value;

use super::flags::{Flags, Search, count};
use super::outcome::{Outcome, UsageError};
use super::start::start;
use crate::config::{Command, Env};
use crate::format;

/// Arguments of `sembla search`.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// An index, or the folder that `sembla embed --output` wrote; a name that is both is the folder,
    /// unless --index is given
    #[arg(value_name = "INDEX_OR_FOLDER")]
    place: PathBuf,

    /// What to look for
    query: String,

    /// How many to print
    #[arg(short = 'k', long, value_name = "N", default_value = "5", value_parser = count)]
    top_k: NonZeroUsize,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// The model's prompt that stands before the query; `query`, if the model has one. An index has
    /// its own
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,

    #[command(flatten)]
    of_index: OfIndex,

    #[command(flatten)]
    flags: Flags<Search>,
}

/// Flags that mean nothing to a dataset.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "In an index")]
struct OfIndex {
    /// Look in the index, even if there is a folder of its name
    #[arg(long)]
    index: bool,

    /// Only records whose metadata passes, such as '{"lang": "en", "year": {"$gte": 2020}}'
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,

    /// The namespace
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    namespace: String,

    /// Compare every record in full precision
    #[arg(long)]
    exact: bool,

    /// Go by meaning alone where the index keeps words too
    #[arg(long)]
    dense: bool,

    /// Say how the records were found: the steps, what each looked at, and its time
    #[arg(long)]
    explain: bool,

    /// Search even if the index was built with another model
    #[arg(long)]
    force: bool,
}

/// Searches.
pub(crate) fn run(args: &SearchArgs, env: &Env) -> anyhow::Result<Outcome> {
    let started = start(Command::Search, &args.flags.given, env)?;
    if !args.is_folder() {
        return indexed::run(args, &started);
    }
    if let Some(flag) = args.of_index.given() {
        let place = args.place.display();
        let message = format!("{flag} is for an index, and {place} is a folder here");
        return Err(UsageError(message).into());
    }
    dataset::run(args, started)
}

impl SearchArgs {
    /// Whether a dataset is meant: what is a folder, or can only be the path of one.
    fn is_folder(&self) -> bool {
        let is_path = self.place.components().count() > 1 || self.place.starts_with(".");
        !self.of_index.index && (is_path || self.place.is_dir())
    }
}

impl OfIndex {
    fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--filter", self.filter.is_some()),
            ("--namespace", !self.namespace.is_empty()),
            ("--exact", self.exact),
            ("--dense", self.dense),
            ("--explain", self.explain),
            ("--force", self.force),
        ];
        flags.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }
}

fn embed(embedder: &EngineEmbedder, query: &str) -> anyhow::Result<Vec<f32>> {
    let failed = |err: jobs::BoxError| anyhow::anyhow!(err).context("failed to embed the query");
    let pending = embedder.submit(vec![query.to_owned()]).map_err(failed)?;
    let results = embedder.wait(pending).map_err(failed)?;
    let embedded =
        results.into_iter().next().expect("one text gives one result").map_err(failed)?;
    if let Some(num_tokens) = embedded.truncated_from {
        crate::progress::say(&format!(
            "note: the query has {num_tokens} tokens and was cut to {}",
            embedded.num_tokens
        ));
    }
    Ok(embedded.embedding)
}

/// Writes a value without line breaks, without the quotes of a string and without control characters.
fn one_line(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format::printable(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_and_steers_no_terminal() {
        assert_eq!(one_line(&Value::from("a\r\n  b\tc")), "a b c");
        assert_eq!(one_line(&Value::from("\u{1b}[31mred\u{7}")), "\u{fffd}[31mred\u{fffd}");
        assert_eq!(one_line(&Value::from(3)), "3");
    }
}
