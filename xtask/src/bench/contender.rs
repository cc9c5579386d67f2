//! One engine as a process.
//!
//! It prints a line of JSON when it is ready and warm, and one more for each line that it reads: so the
//! process starts once, and no engine works while another is measured.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::workspace;

/// An engine that waits for its next round.
#[derive(Debug)]
pub(super) struct Contender {
    name: &'static str,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    ready: Ready,
    rounds: Vec<Round>,
}

/// What an engine says once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    /// What it runs on, in words.
    pub(super) engine: String,
    /// Compute threads.
    pub(super) num_threads: usize,
    /// Operations for one token in the linear layers, where the engine knows.
    pub(super) operations_per_token: Option<f64>,
}

/// What an engine says of each round.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    /// From text to the last embedding, tokenization included.
    pub(super) seconds: f64,
    /// Tokens that went through the model; padding is not counted.
    pub(super) num_tokens: usize,
    /// The machine's peak just before, in operations per second, where the engine measures it.
    pub(super) peak: Option<f64>,
}

impl Contender {
    /// Starts the process and waits until it is ready.
    pub(super) fn start(name: &'static str, mut command: Command) -> anyhow::Result<Self> {
        let shown = workspace::show(&command);
        eprintln!("starting {name}: {shown}");
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start `{shown}`"))?;
        let input = process.stdin.take().expect("stdin is piped");
        let mut output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let ready = read(name, &mut output)?;
        Ok(Self { name, process, input, output, ready, rounds: Vec::new() })
    }

    /// Has all inputs embedded once.
    pub(super) fn run(&mut self) -> anyhow::Result<()> {
        writeln!(self.input, "round").with_context(|| format!("{} has ended", self.name))?;
        self.rounds.push(read(self.name, &mut self.output)?);
        Ok(())
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }

    pub(super) fn rounds(&self) -> &[Round] {
        &self.rounds
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read<T: DeserializeOwned>(name: &str, output: &mut impl BufRead) -> anyhow::Result<T> {
    let mut line = String::new();
    output.read_line(&mut line).with_context(|| format!("failed to read from {name}"))?;
    if line.is_empty() {
        bail!("{name} ended; its words are above");
    }
    serde_json::from_str(&line).with_context(|| format!("{name} said {line:?}"))
}
