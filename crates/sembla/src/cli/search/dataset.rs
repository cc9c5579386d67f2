//! Searching the folder that `sembla embed --output` wrote: exact, by cosine.

use anyhow::Context as _;
use engine::Prompt;
use index::IndexName;
use jobs::{Dataset, Embed as _, EmbedSpec, EngineEmbedder, Found, Provenance};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::outcome::{Outcome, print};
use super::super::start::{Running, Started, only_model, reference, run_model};
use super::{SearchArgs, embed, one_line};
use crate::config::{Config, pooling_named};
use crate::progress::say;

/// Searches.
pub(super) fn run(args: &SearchArgs, mut started: Started) -> anyhow::Result<Outcome> {
    let dataset = Dataset::open(&args.place).inspect_err(|_| note_index(args))?;
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

/// Says how an index is meant whose name is that of a folder.
fn note_index(args: &SearchArgs) {
    let name = args.place.to_str().unwrap_or_default();
    if IndexName::try_from(name).is_ok() {
        say(&format!("note: `{name}` is a folder here; --index searches the index of this name"));
    }
}

fn made_with(args: &SearchArgs, recorded: &EmbedSpec) -> String {
    format!("{} was embedded with {}", args.place.display(), recorded.model)
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
