//! `sembla search`: the rows of an embedded dataset that are closest to a query.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context as _;
use engine::Prompt;
use jobs::{Dataset, Embed as _, EmbedSpec, EngineEmbedder, Found, Provenance};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::flags::{Flags, Search};
use super::outcome::{Outcome, print};
use super::start::{Running, only_model, reference, run_model, start};
use crate::config::{Command, Config, Env, pooling_named};

/// Arguments of `sembla search`.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// The folder that `sembla embed` wrote
    dir: PathBuf,

    /// What to look for
    query: String,

    /// How many rows to print
    #[arg(short = 'k', long, value_name = "N", default_value = "5")]
    top_k: NonZeroUsize,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// The model's prompt that stands before the query; `query`, if the model has one
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,

    #[command(flatten)]
    flags: Flags<Search>,
}

/// Searches.
pub(crate) fn run(args: &SearchArgs, env: &Env) -> anyhow::Result<Outcome> {
    let mut started = start(Command::Search, &args.flags.given, env)?;
    let dataset = Dataset::open(&args.dir)?;
    let provenance = dataset.provenance();
    let recorded = &provenance.encoder;
    let model = asked_model(&started.config)?.unwrap_or(&recorded.model).to_owned();
    let options = &mut started.config.models.load;
    options.pooling = options.pooling.or_else(|| single_pooling(recorded));
    let options = options.clone();
    let elsewhere =
        || format!("{}; if it is elsewhere, name it with --model", made_with(args, recorded));
    let reference = reference(&model, &started.config).with_context(elsewhere)?;
    let Running { engine, pool: _pool } =
        run_model(&reference, &started, &options).with_context(elsewhere)?;

    let has_query_prompt = engine.spec().prompts.contains_key("query");
    let prompt = match &args.prompt_name {
        Some(name) => Prompt::Named(name.clone()),
        None if has_query_prompt => Prompt::Named("query".to_owned()),
        None => Prompt::Default,
    };
    let embedder = EngineEmbedder::new(engine, reference.qualified_id(), prompt)?;
    let given = embedder.spec();
    provenance.check(given).with_context(|| refusal(args, recorded, given))?;
    let query = embed(&embedder, &args.query)?;
    let found = dataset.search(&query, args.top_k.get())?;
    if args.json {
        print(&serde_json::to_string_pretty(&Answer::new(args, given, &found))?)?;
    } else if !found.is_empty() {
        print(&render(provenance, &found))?;
    }
    Ok(if found.is_empty() { Outcome::No } else { Outcome::Done })
}

fn made_with(args: &SearchArgs, recorded: &EmbedSpec) -> String {
    format!("{} was embedded with {}", args.dir.display(), recorded.model)
}

fn refusal(args: &SearchArgs, recorded: &EmbedSpec, given: &EmbedSpec) -> String {
    let made = made_with(args, recorded);
    if given.model == recorded.model {
        format!("{made} in another way than it is set up now")
    } else {
        format!("{made}, not with {}", given.model)
    }
}

/// Returns the model that the user asks for, if any; the dataset names one too.
fn asked_model(config: &Config) -> anyhow::Result<Option<&str>> {
    if config.models.models.is_empty() { Ok(None) } else { only_model(config).map(Some) }
}

/// Returns the dataset's pooling, which may have been chosen with `--pooling` when it was embedded.
/// Several that are concatenated are only ever what the model directory says.
fn single_pooling(recorded: &EmbedSpec) -> Option<model::Pooling> {
    match recorded.pooling.as_slice() {
        [only] => pooling_named(only),
        _ => None,
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

/// Renders a row as its score and text, with its other columns below.
fn render(provenance: &Provenance, found: &[Found]) -> String {
    let mut lines = Vec::new();
    for row in found {
        let text = row.values.iter().find(|(name, _)| *name == provenance.column);
        let text = text.map_or(String::new(), |(_, value)| one_line(value));
        lines.push(format!("{:.4}  {text}", row.score));
        let others = row.values.iter().filter(|(name, _)| *name != provenance.column);
        lines.extend(others.map(|(name, value)| format!("        {name}: {}", one_line(value))));
    }
    lines.join("\n")
}

/// Writes a value without line breaks and without the quotes of a string. Control characters become
/// replacement characters: a dataset must not steer the terminal that it is shown on.
fn one_line(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace(char::is_control, "\u{fffd}")
}

#[derive(Serialize)]
struct Answer<'a> {
    query: &'a str,
    model: &'a str,
    prompt_name: Option<&'a str>,
    results: Vec<Hit<'a>>,
}

#[derive(Serialize)]
struct Hit<'a> {
    row: u64,
    score: f32,
    #[serde(serialize_with = "in_order")]
    values: &'a [(String, Value)],
}

/// Writes columns as an object in the order of the dataset, which a map would lose.
fn in_order<S: Serializer>(values: &&[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, value)))
}

impl<'a> Answer<'a> {
    fn new(args: &'a SearchArgs, spec: &'a EmbedSpec, found: &'a [Found]) -> Self {
        let hit = |row: &'a Found| Hit { row: row.row, score: row.score, values: &row.values };
        Self {
            query: &args.query,
            model: &spec.model,
            prompt_name: spec.prompt_name.as_deref(),
            results: found.iter().map(hit).collect(),
        }
    }
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
