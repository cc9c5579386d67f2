//! `sembla model pull|list|check`: models on this machine, and how they get here.

use anyhow::Context as _;
use clap::Subcommand;

use super::checked::Checked;
use super::flags::{Flags, Model};
use super::model_pack::{self, PackArgs};
use super::outcome::{Outcome, UsageError, print};
use super::start::{bring, reference, start};
use crate::config::{Command, Config, Env};
use crate::models::cache::Cache;
use crate::models::list::{Cached, cached};
use crate::models::reference::Place;
use crate::models::{Freshness, ResolveError};
use crate::{format, progress};

/// What `sembla model` does.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Download a model from the Hub, or bring it up to date
    #[command(after_help = "Example: sembla model pull sentence-transformers/all-MiniLM-L6-v2\n\n\
                      The files go into the Hub's own cache, where the Python clients find them.")]
    Pull {
        /// A Hub id, optionally with @REVISION
        model: String,
        #[command(flatten)]
        flags: Flags<Model>,
    },

    /// List the models in the Hub's cache
    #[command(after_help = "Example: sembla model list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags<Model>,
    },

    /// Say what a model directory is, what would be assumed and what is unsupported
    #[command(after_help = "Example: sembla model check ./all-MiniLM-L6-v2\n\n\
                      Exits with 1 if the model cannot be loaded.")]
    Check {
        /// A model directory, or a Hub id, optionally with @REVISION
        model: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags<Model>,
    },

    /// Pack a model directory as SageMaker's model.tar.gz
    #[command(
        after_help = "Example: sembla model pack ./all-MiniLM-L6-v2 --output model.tar.gz\n\n\
                      What code/inference.py says of the answers is read, and nothing of it is run."
    )]
    Pack(PackArgs),
}

/// Runs one of them.
pub(crate) fn run(command: &ModelCommand, env: &Env) -> anyhow::Result<Outcome> {
    match command {
        ModelCommand::Pull { model, flags } => pull(model, &settings(flags, env)?),
        ModelCommand::List { json, flags } => list(*json, &settings(flags, env)?),
        ModelCommand::Check { model, json, flags } => check(model, *json, &settings(flags, env)?),
        ModelCommand::Pack(args) => model_pack::run(args),
    }
}

fn settings(flags: &Flags<Model>, env: &Env) -> anyhow::Result<Config> {
    Ok(start(Command::Model, &flags.given, env)?.config)
}

fn pull(model: &str, config: &Config) -> anyhow::Result<Outcome> {
    let reference = reference(model, config)?;
    if let Place::Directory(dir) = &reference.place {
        let message = format!("{} is a directory; pull takes a Hub id", dir.display());
        return Err(UsageError(message).into());
    }
    let resolved = bring(&reference, config, Freshness::Latest)?;
    print(&resolved.dir.display().to_string())?;
    Ok(Outcome::Done)
}

fn list(json: bool, config: &Config) -> anyhow::Result<Outcome> {
    let root = config.hub.cache_dir.clone().ok_or(ResolveError::NoCache)?;
    let cache = Cache::new(root);
    let models = cached(&cache)
        .with_context(|| format!("failed to list the models in {}", cache.root().display()))?;
    if json {
        print(&serde_json::to_string_pretty(&models)?)?;
    } else if models.is_empty() {
        progress::say(&format!("no models in {}", cache.root().display()));
    } else {
        print(&table(&models))?;
    }
    Ok(if models.is_empty() { Outcome::No } else { Outcome::Done })
}

fn table(models: &[Cached]) -> String {
    let mut rows =
        vec![["MODEL", "REVISION", "SIZE", "ARCHITECTURE", "LOADABLE"].map(str::to_owned)];
    for model in models {
        let short = model.commit.get(..12).unwrap_or(&model.commit);
        let revision = match model.revisions.as_slice() {
            [] => short.to_owned(),
            names => format!("{} ({short})", names.join(", ")),
        };
        let loadable = match model.obstacles.as_slice() {
            [] => "yes".to_owned(),
            obstacles => format!("no: {}", obstacles.join("; ")),
        };
        rows.push([
            model.id.clone(),
            revision,
            format::bytes(model.size_bytes),
            model.architecture.clone().unwrap_or_else(|| "unknown".to_owned()),
            loadable,
        ]);
    }
    format::columns(&rows)
}

fn check(model: &str, json: bool, config: &Config) -> anyhow::Result<Outcome> {
    let checked = Checked::of(bring(&reference(model, config)?, config, Freshness::Cached)?);
    if json {
        print(&serde_json::to_string_pretty(&checked)?)?;
    } else {
        print(&checked.text())?;
    }
    Ok(if checked.loadable { Outcome::Done } else { Outcome::No })
}
