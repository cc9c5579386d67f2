//! `sembla embed`: a dataset of texts becomes a dataset with embeddings.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use engine::Prompt;
use jobs::{
    ColumnError, EngineEmbedder, Job, JobError, Overwrite, SourceError, Summary, WriteError,
};

use super::flags::{Embed, Flags};
use super::outcome::{Outcome, print};
use super::signals;
use super::start::{Running, Started, only_model, reference, run_model, start};
use crate::config::{Command, Env};
use crate::format;
use crate::machine::plural;
use crate::progress::{Progress, Unit, say};

/// Arguments of `sembla embed`.
#[derive(Debug, clap::Args)]
pub(crate) struct EmbedArgs {
    /// A csv, tsv, jsonl, json, txt (a line a row) or parquet file, or a folder of one kind
    source: PathBuf,

    /// The column of texts; need not be named where only one column holds text
    #[arg(short, long, value_name = "NAME")]
    column: Option<String>,

    /// The folder to write, which `datasets.load_dataset` reads
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Replace a dataset that is there already
    #[arg(long)]
    overwrite: bool,

    /// The model's prompt that stands before each text
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,

    /// The column to write the embeddings to
    #[arg(long, value_name = "NAME", default_value = "embedding")]
    embedding_column: String,

    /// Measure the machine's peak of fused multiply-adds, and say how much of it was used
    #[arg(long)]
    measure_peak: bool,

    #[command(flatten)]
    flags: Flags<Embed>,
}

/// Runs the job.
pub(crate) fn run(args: &EmbedArgs, env: &Env) -> anyhow::Result<Outcome> {
    let started = start(Command::Embed, &args.flags.given, env)?;
    let model = only_model(&started.config)?;
    let reference = reference(model, &started.config)?;
    let options = &started.config.models.load;
    let Running { engine, pool: _pool } = run_model(&reference, &started, options)?;
    let num_linear_weights = engine.spec().num_linear_weights;
    let prompt = args.prompt_name.clone().map_or(Prompt::Default, Prompt::Named);
    let embedder = EngineEmbedder::new(engine, reference.qualified_id(), prompt)?;
    let job = Job {
        source: args.source.clone(),
        column: args.column.clone(),
        embedding_column: args.embedding_column.clone(),
        output: args.output.clone(),
        overwrite: if args.overwrite { Overwrite::Replace } else { Overwrite::Refuse },
    };
    let stop = signals::flag().context("failed to listen for signals")?;
    let summary = run_shown(&job, &embedder, &stop).map_err(with_remedy)?;
    print(&render(&job, &summary))?;
    if args.measure_peak {
        print(&render_peak(&summary, num_linear_weights, &started))?;
    }
    Ok(Outcome::Done)
}

/// Runs the job with its progress on stderr. Once `stop` is set it ends and leaves nothing behind.
fn run_shown(job: &Job, embedder: &EngineEmbedder, stop: &AtomicBool) -> Result<Summary, JobError> {
    let mut shown = JobProgress::new(job);
    let result = jobs::run(job, embedder, &mut |progress| {
        shown.show(progress);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    shown.finish();
    result
}

/// Names the flag where the job can only say what it would take.
fn with_remedy(err: JobError) -> anyhow::Error {
    if let JobError::Write(WriteError::Exists { .. }) = err {
        return anyhow::anyhow!("{err} with --overwrite");
    }
    if let JobError::Source(SourceError::Column { source, .. }) = &err
        && let ColumnError::NotNamed { .. } = source
    {
        return anyhow::anyhow!("{err}: {source} with --column");
    }
    err.into()
}

/// Shows how far a job is.
struct JobProgress {
    /// Whether the user said which column to embed.
    is_column_named: bool,
    /// When the first row was given to the model.
    began: Option<Instant>,
    embedding: Option<Progress>,
}

impl JobProgress {
    fn new(job: &Job) -> Self {
        Self { is_column_named: job.column.is_some(), began: None, embedding: None }
    }

    fn show(&mut self, progress: jobs::Progress<'_>) {
        match progress {
            // Scanning and checking a source take a small part of the time.
            jobs::Progress::Scanning { .. } | jobs::Progress::Checking { .. } => {}
            jobs::Progress::Opened { column, .. } if !self.is_column_named => say(&format!(
                "note: no --column is given, so `{column}`, the only column of text, is embedded"
            )),
            jobs::Progress::Opened { .. } => {}
            jobs::Progress::Embedding { num_rows, total_rows, num_tokens, .. } => {
                self.show_tokens(num_rows, total_rows, num_tokens);
            }
        }
    }

    fn show_tokens(&mut self, num_rows: u64, total_rows: u64, num_tokens: u64) {
        let began = *self.began.get_or_insert_with(Instant::now);
        if num_rows == 0 {
            return;
        }
        let total = estimate_tokens(num_rows, total_rows, num_tokens);
        let start = || Progress::started_at(began, Unit::Tokens, total);
        let shown = self.embedding.get_or_insert_with(start);
        shown.set_total(total);
        shown.set(num_tokens);
    }

    fn finish(self) {
        if let Some(shown) = self.embedding {
            shown.finish();
        }
    }
}

/// Returns how many tokens there will be in all, if the other rows are like those so far.
fn estimate_tokens(num_rows: u64, total_rows: u64, num_tokens: u64) -> u64 {
    if num_rows == 0 {
        return 0;
    }
    let estimate = u128::from(num_tokens) * u128::from(total_rows) / u128::from(num_rows);
    u64::try_from(estimate).unwrap_or(u64::MAX)
}

fn render(job: &Job, summary: &Summary) -> String {
    let rows = usize::try_from(summary.num_rows).unwrap_or(usize::MAX);
    let lines = [
        format!("{} with embeddings in {}", plural(rows, "row"), job.output.display()),
        format!("  tokens     {}", format::count(summary.num_tokens)),
        format!("  truncated  {}", plural_rows(summary.num_truncated)),
        format!("  seconds    {:.2}", summary.elapsed.as_secs_f64()),
        format!("  tokens/s   {}", format::count(tokens_per_second(summary) as u64)),
    ];
    lines.join("\n")
}

fn plural_rows(count: u64) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "row")
}

fn tokens_per_second(summary: &Summary) -> f64 {
    summary.num_tokens as f64 / summary.elapsed.as_secs_f64().max(1e-9)
}

/// Renders the share of the machine's peak. The operations are those of the linear layers, two per
/// weight and token; attention is not counted.
fn render_peak(summary: &Summary, num_linear_weights: usize, started: &Started) -> String {
    let num_threads = started.threads.count.get();
    let peak = kernels::measure_fma_peak(num_threads);
    let used = tokens_per_second(summary) * 2.0 * num_linear_weights as f64;
    format!(
        "  FMA peak   {:.1} % ({:.1} of {:.1} GFLOP/s on {})",
        100.0 * used / peak,
        used / 1e9,
        peak / 1e9,
        plural(num_threads, "thread")
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;

    #[test]
    fn the_total_is_estimated_from_the_rows_so_far() {
        assert_eq!(estimate_tokens(0, 10, 0), 0);
        assert_eq!(estimate_tokens(10, 40, 150), 600);
        assert_eq!(estimate_tokens(40, 40, 613), 613);
        assert_eq!(estimate_tokens(1, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn the_summary_says_what_was_done() {
        let job = Job {
            source: "faq.csv".into(),
            column: Some("question".to_owned()),
            embedding_column: "embedding".to_owned(),
            output: "out".into(),
            overwrite: Overwrite::Refuse,
        };
        let summary = Summary {
            num_rows: 13,
            num_tokens: 12_345,
            num_truncated: 1,
            elapsed: Duration::from_millis(2_500),
        };
        expect![[r#"
            13 rows with embeddings in out
              tokens     12,345
              truncated  1 row
              seconds    2.50
              tokens/s   4,938"#]]
        .assert_eq(&render(&job, &summary));
    }
}
