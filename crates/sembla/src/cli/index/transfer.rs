//! `sembla index import|export`: a dataset folder into an index, and back.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use index::Namespace;
use jobs::{
    Dataset, Export, ExportError, ExportSummary, FillError, Import, ImportSummary, Overwrite,
    WriteError,
};

use super::super::flags::{Flags, Index};
use super::super::indexes::{Indexes, index_name};
use super::super::into::{IntoIndex, note_left_out, place, with_remedy};
use super::super::outcome::{Outcome, print};
use super::super::signals;
use super::super::start::start;
use crate::config::{Command, Env};
use crate::format::plural;
use crate::progress::{Progress, Unit, say};

/// Arguments of `sembla index import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The index
    name: String,

    /// The folder that `sembla embed --output` or `sembla index export` wrote
    dataset: PathBuf,

    #[command(flatten)]
    into: IntoIndex,

    #[command(flatten)]
    flags: Flags<Index>,
}

/// Imports a dataset.
pub(super) fn import(args: &ImportArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let started = start(Command::Index, &args.flags.given, env)?;
    let dataset = Dataset::open(&args.dataset)?;
    let encoder = &dataset.provenance().encoder;
    let indexes = Indexes::open(&started)?;
    args.into.ensure(&indexes, &name, jobs::fingerprint(encoder), encoder.dimensions)?;
    let job = Import { dataset: args.dataset.clone(), fill: args.into.fill(&indexes, name) };
    let stop = signals::flag().context("failed to listen for signals")?;
    let done = run_import(&job, &stop).map_err(with_remedy)?;
    note_left_out(&done.left_out);
    let records = plural(done.num_records, "record");
    print(&format!("{records} of {} in {}", args.dataset.display(), place(&job.fill)))?;
    Ok(Outcome::Done)
}

fn run_import(job: &Import, stop: &AtomicBool) -> Result<ImportSummary, FillError> {
    let mut shown: Option<Progress> = None;
    let done = jobs::import(job, &mut |num_records, total| {
        shown.get_or_insert_with(|| Progress::start(Unit::Records, total)).set(num_records);
        go_on(stop)
    });
    shown.into_iter().for_each(Progress::finish);
    done
}

fn go_on(stop: &AtomicBool) -> ControlFlow<()> {
    if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Arguments of `sembla index export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The index
    name: String,

    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Replace a dataset that is there already
    #[arg(long)]
    overwrite: bool,

    /// The namespace to export
    #[arg(long, value_name = "NAME", default_value = "")]
    namespace: String,

    /// The column to write ids to
    #[arg(long, value_name = "NAME", default_value = "id")]
    id_column: String,

    /// The column to write vectors to
    #[arg(long, value_name = "NAME", default_value = "embedding")]
    embedding_column: String,

    #[command(flatten)]
    flags: Flags<Index>,
}

/// Exports a namespace.
pub(super) fn export(args: &ExportArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    let there = indexes.describe(&name)?;
    let job = Export {
        indexes: indexes.checked().clone(),
        index: name,
        namespace: Namespace::new(args.namespace.clone()),
        output: args.output.clone(),
        overwrite: if args.overwrite { Overwrite::Replace } else { Overwrite::Refuse },
        id_column: args.id_column.clone(),
        embedding_column: args.embedding_column.clone(),
        runtime: indexes.handle(),
    };
    let stop = signals::flag().context("failed to listen for signals")?;
    let done = run_export(&job, there.num_records, &stop).map_err(with_overwrite)?;
    if !done.mixed.is_empty() {
        let fields = done.mixed.join(", ");
        say(&format!("note: fields with values of several kinds are columns of JSON: {fields}"));
    }
    let records = plural(done.num_records, "record");
    print(&format!("{records} of index {} in {}", job.index, job.output.display()))?;
    Ok(Outcome::Done)
}

fn run_export(
    job: &Export,
    num_records: u64,
    stop: &AtomicBool,
) -> Result<ExportSummary, ExportError> {
    // Each record is read twice: for the columns that there must be, and to be written.
    let mut shown = Progress::start(Unit::Records, 2 * num_records);
    let done = jobs::export(job, &mut |num_read| {
        shown.set(num_read);
        go_on(stop)
    });
    shown.finish();
    done
}

/// Names the flag where the job can only say what it would take.
fn with_overwrite(err: ExportError) -> anyhow::Error {
    if let ExportError::Write(WriteError::Exists { .. }) = err {
        return anyhow::anyhow!("{err} with --overwrite");
    }
    err.into()
}
