//! Searching an index: by meaning, and by words where it keeps them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use index::{
    Filter, Fingerprint, IndexDescription, IndexName, MAX_TOP_K, Match, Namespace, Precision,
    Query, QueryResult,
};
use jobs::{EngineEmbedder, Parts, TextQuery, value_to_json};
use serde::Serialize;
use serde_json::Value;

use super::super::bound::{self, Loaded};
use super::super::indexes::{Indexes, index_name};
use super::super::outcome::{Outcome, UsageError, print};
use super::super::start::{Running, Started};
use super::{SearchArgs, embed, explain, one_line};

/// Searches.
pub(super) fn run(args: &SearchArgs, started: &Started) -> anyhow::Result<Outcome> {
    let (name, wanted) = (index_name_of(args)?, wanted(args)?);
    let indexes = Indexes::open(started)?;
    let there = indexes.describe(&name)?;
    let model = load(args, started, &there)?;
    let vector = embed(&model.embedder, &args.query)?;
    let query = jobs::text_query(&there.spec, &args.query, vector, wanted)?;
    let (result, took) = ask(&indexes, &name, args, &query)?;
    if args.json {
        print(&serde_json::to_string_pretty(&Answer::new(args, &name, &model.name, &result))?)?;
    } else {
        let shown = render(&there, &result, args.of_index.explain, took);
        if !shown.is_empty() {
            print(&shown)?;
        }
    }
    Ok(if result.matches.is_empty() { Outcome::No } else { Outcome::Done })
}

fn index_name_of(args: &SearchArgs) -> Result<IndexName, UsageError> {
    let text = args.place.to_string_lossy();
    index_name(&text).map_err(|UsageError(why)| {
        UsageError(format!("{why}; nor is there a folder `{text}` here"))
    })
}

fn wanted(args: &SearchArgs) -> Result<TextQuery, UsageError> {
    if args.prompt_name.is_some() {
        let text = "--prompt-name is for a dataset; an index has its own prompt for queries";
        return Err(UsageError(text.to_owned()));
    }
    let top_k = args.top_k.get();
    if top_k > MAX_TOP_K {
        return Err(UsageError(format!("--top-k is 1 to {MAX_TOP_K}, not {top_k}")));
    }
    let of_index = &args.of_index;
    Ok(TextQuery {
        top_k,
        filter: of_index.filter.as_deref().map(filter).transpose()?,
        precision: if of_index.exact { Precision::Exact } else { Precision::Auto },
        parts: if of_index.dense { Parts::Dense } else { Parts::All },
    })
}

fn filter(text: &str) -> Result<Filter, UsageError> {
    let refused = |why: &str| {
        let example = r#"--filter '{"lang": "en", "year": {"$gte": 2020}}'"#;
        UsageError(format!("the filter `{text}` is none: {why}; write it like {example}"))
    };
    let json: Value = serde_json::from_str(text).map_err(|err| refused(&err.to_string()))?;
    Filter::from_json(&json).map_err(|err| refused(&err.to_string()))
}

/// Loads the model that the index was built with, or the one that is asked for if it is the same.
fn load(
    args: &SearchArgs,
    started: &Started,
    there: &IndexDescription,
) -> anyhow::Result<QueryModel> {
    let (name, recorded) = (&there.spec.name, there.spec.fingerprint.as_ref());
    if recorded.is_none() && !args.of_index.force {
        return Err(unbound(name));
    }
    let Loaded { running, fingerprint } = bound::load(started, name, recorded)?;
    check(args, name, recorded, &fingerprint)?;
    let prompt = bound::prompt(&recorded.unwrap_or(&fingerprint).query_prompt);
    let embedder = EngineEmbedder::new(running.engine.clone(), fingerprint.model.clone(), prompt)?;
    Ok(QueryModel { name: fingerprint.model, embedder, _running: running })
}

/// The model that queries of an index are embedded with.
struct QueryModel {
    name: String,
    embedder: EngineEmbedder,
    _running: Running,
}

fn unbound(name: &IndexName) -> anyhow::Error {
    anyhow::anyhow!(
        "index `{name}` takes bare vectors and has no model to embed a text with; if you know which \
         model its vectors are of, bind it: sembla index bind {name} --model MODEL"
    )
}

fn check(
    args: &SearchArgs,
    name: &IndexName,
    recorded: Option<&Fingerprint>,
    given: &Fingerprint,
) -> anyhow::Result<()> {
    match recorded {
        Some(recorded) if !args.of_index.force => jobs::check_query_model(name, recorded, given)
            .map_err(|err| {
                bound::refused(&err, "leave out --model, or search all the same with --force")
            }),
        Some(_) | None => Ok(()),
    }
}

fn ask(
    indexes: &Indexes,
    name: &IndexName,
    args: &SearchArgs,
    query: &Query,
) -> anyhow::Result<(QueryResult, Duration)> {
    let namespace = Namespace::new(args.of_index.namespace.clone());
    let began = Instant::now();
    let result = indexes.wait(indexes.checked().query(name, &namespace, query))?;
    let took = began.elapsed();
    if result.matches.is_empty() {
        crate::progress::say(&nothing(indexes, name, args)?);
    }
    Ok((result, took))
}

/// Says why nothing was found: there is nothing, or nothing passes.
fn nothing(indexes: &Indexes, name: &IndexName, args: &SearchArgs) -> anyhow::Result<String> {
    let stats = indexes.wait(indexes.checked().stats(name, None))?;
    let namespace = Namespace::new(args.of_index.namespace.clone());
    let there = stats.namespaces.iter().find(|it| it.namespace == namespace);
    let num_records = there.map_or(0, |it| it.num_records);
    let place = match namespace.as_str() {
        "" => format!("index `{name}`"),
        namespace => format!("namespace `{namespace}` of index `{name}`"),
    };
    if num_records > 0 {
        return Ok(format!("none of the {num_records} records of {place} passes the filter"));
    }
    let others = stats.namespaces.iter().map(|it| match it.namespace.as_str() {
        "" => "the default one".to_owned(),
        name => format!("`{name}`"),
    });
    let others: Vec<String> = others.collect();
    Ok(match others.as_slice() {
        [] => format!("index `{name}` is empty; fill it with `sembla embed FILE --to {name}`"),
        names => format!("{place} is empty; there are records in {}", names.join(", ")),
    })
}

/// Renders each record as its score and text, or its id, with its other fields below.
fn render(
    there: &IndexDescription,
    result: &QueryResult,
    is_explained: bool,
    took: Duration,
) -> String {
    let field = jobs::text_field(&there.spec).unwrap_or("text");
    let mut lines = Vec::new();
    for found in &result.matches {
        let mut metadata = fields(found);
        let text = metadata.remove(field).map(|text| one_line(&text));
        lines.push(format!("{:.4}  {}", found.score, text.as_ref().unwrap_or(&found.id)));
        if text.is_some() {
            // A source may well have a column called `id` that is not the records' own.
            let name = if metadata.contains_key("id") { "record" } else { "id" };
            lines.push(format!("        {name}: {}", one_line(&Value::from(found.id.as_str()))));
        }
        lines.extend(metadata.iter().map(|(name, it)| format!("        {name}: {}", one_line(it))));
        if is_explained {
            lines.extend(explain::parts(found));
        }
    }
    if is_explained {
        lines.push(explain::stages(&result.explain, took));
    }
    lines.join("\n")
}

fn fields(found: &Match) -> BTreeMap<String, Value> {
    found.metadata.iter().map(|(field, value)| (field.clone(), value_to_json(value))).collect()
}

#[derive(Serialize)]
struct Answer<'a> {
    query: &'a str,
    index: &'a str,
    namespace: &'a str,
    model: &'a str,
    results: Vec<Hit<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<explain::StageJson>>,
}

#[derive(Serialize)]
struct Hit<'a> {
    id: &'a str,
    score: f32,
    metadata: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stages: Vec<explain::PartJson>,
}

impl<'a> Answer<'a> {
    fn new(
        args: &'a SearchArgs,
        name: &'a IndexName,
        model: &'a str,
        result: &'a QueryResult,
    ) -> Self {
        let is_explained = args.of_index.explain;
        let hit = |found: &'a Match| Hit {
            id: &found.id,
            score: found.score,
            metadata: fields(found),
            stages: if is_explained { explain::parts_json(found) } else { Vec::new() },
        };
        Self {
            query: &args.query,
            index: name.as_str(),
            namespace: &args.of_index.namespace,
            model,
            results: result.matches.iter().map(hit).collect(),
            explain: is_explained.then(|| explain::stages_json(&result.explain)),
        }
    }
}
