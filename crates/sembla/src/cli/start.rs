//! What every command does first: settings, logs, and one model where it takes one.

use anyhow::Context as _;
use engine::{Engine, Pool};

use super::download_progress::DownloadProgress;
use super::outcome::UsageError;
use crate::config::{self, Command, Config, Env, Given};
use crate::machine::{Threads, choose_threads};
use crate::models::reference::{ModelRef, RefError};
use crate::models::{self, Freshness, ResolveError, Resolved};
use crate::{progress, telemetry};

/// The checked settings, and how many compute threads they and the machine make.
pub(crate) struct Started {
    pub(crate) config: Config,
    pub(crate) threads: Threads,
}

/// A model that runs in this process.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    // Dropping it stops the engine.
    pub(crate) pool: Pool,
}

/// Loads the settings and starts the logs.
///
/// # Errors
///
/// If a setting is not allowed.
pub(crate) fn start(command: Command, given: &Given, env: &Env) -> anyhow::Result<Started> {
    let (config, layers) = config::load(command, given, env)?;
    telemetry::start(&config.log)?;
    for note in &layers.notes {
        tracing::warn!(note, "given without effect");
    }
    let threads = choose_threads(config.threads, &layers.source("threads").to_string());
    Ok(Started { config, threads })
}

/// Reads what a user writes for a model, with the revision of the settings.
///
/// # Errors
///
/// [`RefError`] if it names no model.
pub(crate) fn reference(text: &str, config: &Config) -> Result<ModelRef, RefError> {
    ModelRef::parse(text)?.with_revision(config.models.revision.as_deref())
}

/// Returns the one model of the settings.
///
/// # Errors
///
/// [`UsageError`] if there is none, or more than one.
pub(crate) fn only_model(config: &Config) -> anyhow::Result<&str> {
    match config.models.models.as_slice() {
        [only] => Ok(only),
        [] => Err(no_model().into()),
        several => Err(UsageError(format!("{} models are given; give one", several.len())).into()),
    }
}

/// Says how to name a model.
pub(crate) fn no_model() -> UsageError {
    UsageError("no model is given; name one with --model DIR or --model ORG/NAME".to_owned())
}

/// Brings a model to this machine, showing the download if there is one and what was taken for
/// granted.
///
/// # Errors
///
/// [`ResolveError`] if it is neither here nor can be brought here.
pub(crate) fn bring(
    reference: &ModelRef,
    config: &Config,
    freshness: Freshness,
) -> Result<Resolved, ResolveError> {
    let mut shown = DownloadProgress::new(&reference.model_id());
    let resolved =
        models::resolve(reference, &config.hub, freshness, &mut |event| shown.show(&event));
    shown.finish();
    let resolved = resolved?;
    for note in &resolved.notes {
        progress::say(&format!("note: {note}"));
    }
    Ok(resolved)
}

/// Brings a model here, loads it and puts it behind an engine with a pool of its own.
///
/// # Errors
///
/// If the model cannot be found, downloaded or loaded.
pub(crate) fn run_model(
    reference: &ModelRef,
    started: &Started,
    options: &model::LoadOptions,
) -> anyhow::Result<Running> {
    let config = &started.config;
    let resolved = bring(reference, config, Freshness::Cached)?;
    let encoder = model::load(&resolved.dir, options)
        .with_context(|| format!("failed to load the model {}", reference.model_id()))?;
    for assumption in &encoder.spec().assumptions {
        progress::say(&format!("note: {assumption}"));
    }
    let pool = Pool::start(started.threads.count);
    let engine = Engine::start(encoder, &pool, config.engine.clone());
    Ok(Running { engine, pool })
}
