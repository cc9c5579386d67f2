//! `cargo xtask bench`: tokens per second, and how much of the machine's peak that is; with `--index`,
//! writes and searches of vectors (`index.rs`); with `--endpoints`, the gateway (`endpoints.rs`).
//!
//! Every engine is a process that embeds the same inputs when it is told to and says how long that took.
//! Rounds go around the engines, so that a machine which slows down slows all of them. Nothing here is a
//! test: figures depend on the machine, and a share of the peak measured in the same run least of all.

mod contender;
mod endpoints;
mod index;
mod report;
mod sample;
mod tables;

use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use clap::ValueEnum;

use crate::workspace::{cargo, command, get_model, python, root};
use contender::Contender;
use report::Report;

/// What to measure, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Measure the index instead
    #[arg(long)]
    index: bool,
    #[command(flatten)]
    index_size: index::IndexSize,
    /// Measure the gateway and the lifecycle of endpoints instead
    #[arg(long, conflicts_with = "index")]
    endpoints: bool,
    #[command(flatten)]
    endpoints_size: endpoints::EndpointsSize,
    /// Model directory; the model of the demo if none is given
    #[arg(long)]
    model: Option<PathBuf>,
    /// Text file, an input a line; without one, sentences from the docstrings of Python's standard library
    #[arg(long)]
    text: Option<PathBuf>,
    /// How many inputs; as many as the text has, up to 50,000, for the index
    #[arg(long, default_value_t = 2_000)]
    inputs: usize,
    /// How often each engine embeds all of them
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Compute threads; as many as the machine gives if not said
    #[arg(long)]
    threads: Option<usize>,
    /// Another engine to measure in the same run; may be given twice
    #[arg(long)]
    peer: Vec<Peer>,
    /// Write the report as JSON to this file, too
    #[arg(long)]
    json: Option<PathBuf>,
}

/// An engine that people use today, through Python.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Peer {
    /// sentence-transformers on torch
    SentenceTransformers,
    /// ONNX Runtime, f32, sorted by length, batches of 32
    Onnxruntime,
}

/// Measures, prints the report, and keeps it where that was asked for.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let model = match &arguments.model {
        Some(model) => std::path::absolute(model)?,
        None => get_model()?,
    };
    let (text, json) = (arguments.text.as_deref(), arguments.json.as_deref());
    if arguments.index {
        return index::run(&arguments.index_size, text, &model, json);
    }
    if arguments.endpoints {
        return endpoints::run(&arguments.endpoints_size, text, &model, json);
    }
    let sample = sample::take(text, arguments.inputs)?;
    ensure!(
        sample.num_inputs == arguments.inputs,
        "{} has {} lines with text, and --inputs asks for {}",
        sample.source.display(),
        sample.num_inputs,
        arguments.inputs,
    );
    let mut commands = vec![("sembla", sembla()?)];
    for peer in &arguments.peer {
        commands.push((peer.name(), peer.command()?));
    }
    let mut contenders = Vec::new();
    for (name, mut command) in commands {
        command.arg("--model").arg(&model).arg("--text").arg(&sample.path);
        if let Some(threads) = arguments.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        contenders.push(Contender::start(name, command)?);
    }
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for contender in &mut contenders {
            contender.run()?;
        }
    }
    let report = Report::new(&sample, &contenders);
    println!("{report}");
    if let Some(path) = json {
        fs_err::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

/// Builds our own engine as it is shipped.
fn sembla() -> anyhow::Result<Command> {
    let example =
        ["--profile", "dist", "--locked", "--package", "xtask", "--example", "throughput"];
    let mut build = cargo(&["build"]);
    let status = build.args(example).status()?;
    anyhow::ensure!(status.success(), "the bench did not build");
    let mut run = cargo(&["run", "--quiet"]);
    run.args(example).arg("--");
    Ok(run)
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::SentenceTransformers => "sentence-transformers",
            Self::Onnxruntime => "onnxruntime",
        }
    }

    /// Makes the Python environment, which holds torch, on the first run.
    fn command(self) -> anyhow::Result<Command> {
        let mut run = command(python("bench", "xtask/peers/requirements.txt")?);
        run.arg(root().join("xtask/peers/peer.py")).args(["--engine", self.name()]);
        Ok(run)
    }
}
