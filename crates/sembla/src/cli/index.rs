//! `sembla index …`: indexes of vectors, made, filled, shown, copied and measured.

mod backup;
mod create;
mod model;
mod show;
mod transfer;

use clap::Subcommand;

pub(crate) use self::create::Choices;
use super::outcome::Outcome;
use crate::config::Env;

/// What `sembla index` does.
#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Create an empty index
    #[command(after_help = "Example: sembla index create faq --model \
                      sentence-transformers/all-MiniLM-L6-v2\n\n\
                      With a model, texts can be searched for. Without one, give --dimensions: such \
                      an index takes bare vectors, and `sembla index bind` names their model later.\n\
                      Then: sembla embed questions.csv --column question --to faq")]
    Create(create::CreateArgs),

    /// List all indexes
    #[command(after_help = "Example: sembla index list --json")]
    List(show::ListArgs),

    /// Show what an index is and how much it holds
    #[command(after_help = "Example: sembla index show faq")]
    Show(show::ShowArgs),

    /// Delete an index with all that it holds
    #[command(after_help = "Example: sembla index delete faq\n\n\
                      There is no way back but a snapshot. A protected index is not deleted; see \
                      `sembla index protect`.")]
    Delete(create::DeleteArgs),

    /// Protect an index from deletion, or no longer
    #[command(after_help = "Example: sembla index protect faq --off")]
    Protect(create::ProtectArgs),

    /// Say which model the vectors of an index are of, so that texts can be searched for
    #[command(after_help = "Example: sembla index bind faq --model \
                      sentence-transformers/all-MiniLM-L6-v2\n\n\
                      For an index that was filled with bare vectors. Nothing checks that they are \
                      of this model.")]
    Bind(model::BindArgs),

    /// Import a dataset that `sembla embed --output` wrote, or an export
    #[command(after_help = "Example: sembla index import faq questions-embedded --create\n\n\
                      Columns become metadata, on which searches filter. Rows are numbered from 0 \
                      unless --id-column names their ids; a row replaces the record of its id.")]
    Import(transfer::ImportArgs),

    /// Export a namespace as a dataset, which `datasets.load_dataset` reads
    #[command(after_help = "Example: sembla index export faq --output faq-exported\n\n\
                      `sembla index import NEW faq-exported --id-column id --create` makes the same \
                      index of it.")]
    Export(transfer::ExportArgs),

    /// Verify every checksum of an index, and that its parts agree
    #[command(after_help = "Example: sembla index check faq\n\n\
                      Exits with 1 if anything is wrong. A server may go on serving meanwhile.")]
    Check(backup::CheckArgs),

    /// Copy an index into a folder, while it goes on being used
    #[command(after_help = "Example: sembla index snapshot faq backups/faq-monday")]
    Snapshot(backup::SnapshotArgs),

    /// Make an index of a snapshot, which is verified whole before
    #[command(after_help = "Example: sembla index restore faq-monday backups/faq-monday")]
    Restore(backup::RestoreArgs),

    /// Measure how many of the nearest records searches find, and how fast
    #[command(after_help = "Example: sembla index recall faq --top-k 10 --samples 100\n\n\
                      Stored vectors are looked for twice: as any query is, and exactly.")]
    Recall(model::RecallArgs),
}

/// Runs one of them.
pub(crate) fn run(command: &IndexCommand, env: &Env) -> anyhow::Result<Outcome> {
    match command {
        IndexCommand::Create(args) => create::run(args, env),
        IndexCommand::Delete(args) => create::delete(args, env),
        IndexCommand::Protect(args) => create::protect(args, env),
        IndexCommand::List(args) => show::list(args, env),
        IndexCommand::Show(args) => show::run(args, env),
        IndexCommand::Bind(args) => model::bind(args, env),
        IndexCommand::Recall(args) => model::recall(args, env),
        IndexCommand::Import(args) => transfer::import(args, env),
        IndexCommand::Export(args) => transfer::export(args, env),
        IndexCommand::Check(args) => backup::check(args, env),
        IndexCommand::Snapshot(args) => backup::snapshot(args, env),
        IndexCommand::Restore(args) => backup::restore(args, env),
    }
}
