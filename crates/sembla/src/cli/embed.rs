//! `sembla embed`: a dataset of texts becomes a dataset with embeddings, or records of an index.

mod indexed;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use engine::Prompt;
use jobs::{
    ColumnError, EngineEmbedder, Job, JobError, Overwrite, SourceError, Summary, WriteError,
};

use super::flags::{Embed, Flags};
use super::into::{self, IntoIndex};
use super::outcome::{Outcome, UsageError, print};
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
    output: Option<PathBuf>,

    /// The index to write into, in place of a folder. A job that was killed goes on where it was
    #[arg(long, value_name = "INDEX", conflicts_with = "output")]
    to: Option<String>,

    /// Replace a dataset that is there already; with --to, embed rows anew that the index has
    #[arg(long)]
    overwrite: bool,

    /// The model's prompt that stands before each text
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,

    /// The column to write the embeddings to
    #[arg(long, value_name = "NAME", default_value = "embedding", conflicts_with = "to")]
    embedding_column: String,

    /// Measure the machine's peak of fused multiply-adds, and say how much of it was used
    #[arg(long)]
    measure_peak: bool,

    #[command(flatten)]
    into: IntoIndex,

    #[command(flatten)]
    flags: Flags<Embed>,
}

/// Runs the job.
pub(crate) fn run(args: &EmbedArgs, env: &Env) -> anyhow::Result<Outcome> {
    let started = start(Command::Embed, &args.flags.given, env)?;
    match (&args.to, &args.output) {
        (Some(index), _) => indexed::run(args, &started, index),
        (None, Some(output)) => into_folder(args, &started, output),
        (None, None) => Err(UsageError(
            "say where to: give a folder with --output DIR, or an index with --to INDEX".to_owned(),
        )
        .into()),
    }
}

fn into_folder(args: &EmbedArgs, started: &Started, output: &Path) -> anyhow::Result<Outcome> {
    if let Some(flag) = args.into.given() {
        return Err(UsageError(format!("{flag} is for an index; give one with --to")).into());
    }
    let reference = reference(only_model(&started.config)?, &started.config)?;
    let Running { engine, pool: _pool } =
        run_model(&reference, started, &started.config.models.load)?;
    let num_linear_weights = engine.spec().num_linear_weights;
    let prompt = args.prompt_name.clone().map_or(Prompt::Default, Prompt::Named);
    let embedder = EngineEmbedder::new(engine, reference.qualified_id(), prompt)?;
    let job = Job {
        source: args.source.clone(),
        column: args.column.clone(),
        embedding_column: args.embedding_column.clone(),
        output: output.to_owned(),
        overwrite: if args.overwrite { Overwrite::Replace } else { Overwrite::Refuse },
    };
    let stop = signals::flag().context("failed to listen for signals")?;
    let mut shown = JobProgress::new(args, &stop);
    let done = jobs::run(&job, &embedder, &mut |progress| shown.show(progress));
    shown.finish();
    let summary = done.map_err(with_remedy)?;
    print(&render(&format!("with embeddings in {}", job.output.display()), &summary))?;
    args.print_peak(&summary, num_linear_weights, started)?;
    Ok(Outcome::Done)
}

impl EmbedArgs {
    fn print_peak(
        &self,
        summary: &Summary,
        num_linear_weights: usize,
        started: &Started,
    ) -> anyhow::Result<()> {
        if self.measure_peak {
            print(&render_peak(summary, num_linear_weights, started))?;
        }
        Ok(())
    }
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
    if let JobError::Fill(err) = err {
        return into::with_remedy(err);
    }
    err.into()
}

/// Shows how far a job is, and stops it once `stop` is set.
struct JobProgress<'a> {
    stop: &'a AtomicBool,
    /// Whether the user said which column to embed.
    is_column_named: bool,
    /// When the first row was given to the model.
    began: Option<Instant>,
    embedding: Option<Progress>,
}

impl<'a> JobProgress<'a> {
    fn new(args: &EmbedArgs, stop: &'a AtomicBool) -> Self {
        Self { stop, is_column_named: args.column.is_some(), began: None, embedding: None }
    }

    fn show(&mut self, progress: jobs::Progress<'_>) -> ControlFlow<()> {
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
        if self.stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
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

/// Renders what was done; `place` says where the rows are now.
fn render(place: &str, summary: &Summary) -> String {
    let mut lines = vec![format!("{} {place}", plural_rows(summary.num_rows))];
    if summary.num_kept > 0 {
        lines.push(format!("  kept       {} from before", plural_rows(summary.num_kept)));
    }
    lines.extend([
        format!("  tokens     {}", format::count(summary.num_tokens)),
        format!("  truncated  {}", plural_rows(summary.num_truncated)),
        format!("  seconds    {:.2}", summary.elapsed.as_secs_f64()),
        format!("  tokens/s   {}", format::count(tokens_per_second(summary) as u64)),
    ]);
    lines.join("\n")
}

fn plural_rows(count: u64) -> String {
    format::plural(count, "row")
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
        let summary = Summary {
            num_rows: 13,
            num_kept: 0,
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
        .assert_eq(&render("with embeddings in out", &summary));
        let summary = Summary { num_kept: 5, ..summary };
        let shown = render("in index faq", &summary);
        assert!(
            shown.starts_with("13 rows in index faq\n  kept       5 rows from before\n  tokens ")
        );
    }
}
