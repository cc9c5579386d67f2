//! The model that an index was built with: finding it again, loading it as it was, and what an index
//! keeps about one.

use engine::Prompt;
use index::{Fingerprint, IndexName};
use jobs::FingerprintMismatch;

use super::start::{Running, Started, no_model, only_model, reference, run_model};
use crate::config::pooling_named;
use crate::models::reference::{ModelRef, Place};

/// A model that runs, and what an index keeps about it.
pub(crate) struct Loaded {
    pub(crate) running: Running,
    pub(crate) fingerprint: Fingerprint,
}

/// Loads the model that is asked for, else the one that the index was built with, `recorded`. Unless
/// the settings say otherwise, with the pooling that the index has.
///
/// # Errors
///
/// If neither says which, or it cannot be found, downloaded or loaded.
pub(crate) fn load(
    started: &Started,
    index: &IndexName,
    recorded: Option<&Fingerprint>,
) -> anyhow::Result<Loaded> {
    let asked = match (started.config.models.models.is_empty(), recorded) {
        (true, Some(recorded)) => recorded.model.clone(),
        (true, None) => return Err(no_model().into()),
        (false, _) => only_model(&started.config)?.to_owned(),
    };
    let mut options = started.config.models.load.clone();
    options.pooling = options.pooling.or_else(|| pooling_named(&recorded?.pooling));
    let elsewhere = |err: anyhow::Error| match recorded {
        Some(recorded) => err.context(format!(
            "index `{index}` was built with {}; if that is elsewhere now, name it with --model",
            recorded.model
        )),
        None => err,
    };
    let reference = reference(&asked, &started.config).map_err(|err| elsewhere(err.into()))?;
    let running = run_model(&reference, started, &options).map_err(elsewhere)?;
    let fingerprint = jobs::model_fingerprint(&lasting_id(&reference), &running.engine);
    Ok(Loaded { running, fingerprint })
}

/// Loads the one model of the settings and returns what an index keeps about it.
///
/// # Errors
///
/// If there is none, or it cannot be found, downloaded or loaded.
pub(crate) fn fingerprint_of_asked(started: &Started) -> anyhow::Result<Fingerprint> {
    let reference = reference(only_model(&started.config)?, &started.config)?;
    let Running { engine, pool: _pool } =
        run_model(&reference, started, &started.config.models.load)?;
    Ok(jobs::model_fingerprint(&lasting_id(&reference), &engine))
}

/// Says that a model is another than that of the index, with what can be done about it.
pub(crate) fn refused(err: &FingerprintMismatch, remedy: &str) -> anyhow::Error {
    if err.may_be_forced() {
        return anyhow::anyhow!("{err}; {remedy}");
    }
    anyhow::anyhow!("{err}")
}

/// Returns the prompt of this text.
pub(crate) fn prompt(text: &str) -> Prompt {
    if text.is_empty() { Prompt::None } else { Prompt::Text(text.to_owned()) }
}

/// Returns what finds a model again from any folder: indexes have no place beside the command.
fn lasting_id(reference: &ModelRef) -> String {
    match &reference.place {
        Place::Hub { .. } => reference.qualified_id(),
        Place::Directory(_) => reference.id_anywhere(),
    }
}
