//! `sembla index check|snapshot|restore`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use index::StoreError;

use super::super::flags::{Flags, Index};
use super::super::indexes::{Indexes, index_name};
use super::super::outcome::{Outcome, print};
use super::super::start::start;
use super::show::render;
use crate::config::{Command, Env};
use crate::format::plural;

/// Arguments of `sembla index check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The index
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags<Index>,
}

/// Verifies an index.
pub(super) fn check(args: &CheckArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    indexes.describe(&name)?;
    let report = indexes.wait(indexes.opened().check(&name))?;
    if args.json {
        print(&serde_json::to_string_pretty(&report)?)?;
    } else {
        let (records, blocks) = (report.num_records, report.num_blocks);
        let read = format!("{}, {}", plural(records, "record"), plural(blocks, "block"));
        let verdict = match report.problems.len() {
            0 => format!("index {name} is good: {read}"),
            _ => format!("index {name} is damaged: {read}"),
        };
        let problems = report.problems.iter().map(|problem| format!("  {problem}"));
        let lines: Vec<String> = std::iter::once(verdict).chain(problems).collect();
        print(&lines.join("\n"))?;
    }
    Ok(if report.problems.is_empty() { Outcome::Done } else { Outcome::No })
}

/// Arguments of `sembla index snapshot`.
#[derive(Debug, clap::Args)]
pub(crate) struct SnapshotArgs {
    /// The index
    name: String,
    /// The folder to write, which is not there yet
    folder: PathBuf,
    #[command(flatten)]
    flags: Flags<Index>,
}

/// Copies an index.
pub(super) fn snapshot(args: &SnapshotArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    indexes.describe(&name)?;
    if let Some(parent) = args.folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs_err::create_dir_all(parent).context("failed to make the folder of the snapshot")?;
    }
    let copied = indexes.wait(indexes.opened().snapshot(&name, &args.folder));
    copied.map_err(|err| {
        if is_io(&err, ErrorKind::AlreadyExists) {
            let folder = args.folder.display();
            return anyhow::anyhow!(
                "{folder} is there already; choose another folder for the snapshot"
            );
        }
        err.into()
    })?;
    // Not how many records: others may have written between any count and the copy.
    print(&format!("a copy of index {name} is in {}", args.folder.display()))?;
    Ok(Outcome::Done)
}

/// Arguments of `sembla index restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The index to make
    name: String,
    /// The folder of the snapshot
    folder: PathBuf,
    #[command(flatten)]
    flags: Flags<Index>,
}

fn is_io(err: &StoreError, kind: ErrorKind) -> bool {
    if let StoreError::Io { source, .. } = err { source.kind() == kind } else { false }
}

fn no_snapshot(folder: &Path) -> anyhow::Error {
    let folder = folder.display();
    anyhow::anyhow!("{folder} is no snapshot; give a folder that `sembla index snapshot` wrote")
}

/// Makes an index of a copy.
pub(super) fn restore(args: &RestoreArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    if !args.folder.is_dir() {
        return Err(no_snapshot(&args.folder));
    }
    let restored = indexes.wait(indexes.opened().restore(&args.folder, &name));
    let restored = restored.map_err(|err| {
        let is_nothing = is_io(&err, ErrorKind::NotFound);
        if is_nothing { no_snapshot(&args.folder) } else { err.into() }
    })?;
    let stats = indexes.wait(indexes.checked().stats(&name, None))?;
    print(&render(&restored, &stats.namespaces))?;
    Ok(Outcome::Done)
}
