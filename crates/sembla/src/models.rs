//! Models by name: from what a user writes to a directory that [`model::load`] can read.
//!
//! A directory is taken as it is. A Hub id is looked up in the Hub's cache on this machine, and
//! downloaded only if it is not there; nothing is asked of the network for a model that is.

pub(crate) mod cache;
#[cfg(test)]
mod docs;
pub(crate) mod download;
pub(crate) mod hub;
pub(crate) mod list;
mod needed;
mod partial;
pub(crate) mod reference;
pub(crate) mod survey;
mod whole;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{HubConfig, Secret};
use cache::Cache;
use download::{Download, Event};
use hub::{Hub, HubError};
use needed::Gaps;
use reference::{HubId, ModelRef, Place};

/// A model directory on this machine, and how it came there.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) dir: PathBuf,
    /// The commit of a model from the Hub.
    pub(crate) commit: Option<String>,
    /// What had to be taken for granted, one sentence each.
    pub(crate) notes: Vec<String>,
}

/// A model that could not be found or brought here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// It is not in the cache, and the network is not to be used.
    #[error(
        "the model `{id}` at `{revision}` is not in {}{}, and `offline` is set; unset it, or name a \
         directory",
        .cache.display(), of_which(.missing)
    )]
    Offline { id: HubId, revision: String, cache: PathBuf, missing: Vec<String> },

    /// There is nowhere to put it.
    #[error("no folder is known for downloaded models; set HOME, HF_HOME or hub_cache")]
    NoCache,

    /// The token file exists and cannot be read.
    #[error("failed to read the Hub's token")]
    Token(#[source] io::Error),

    /// The Hub did not give it.
    #[error("failed to download the model `{id}`")]
    Download { id: HubId, source: Box<HubError> },
}

/// Whether a model that is in the cache is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// What is in the cache is good enough.
    Cached,
    /// The Hub is asked which commit the branch is now.
    Latest,
}

const DEFAULT_REVISION: &str = "main";

/// Finds a model, and downloads it if it is not on this machine.
///
/// # Errors
///
/// [`ResolveError`] if it is neither here nor can be brought here.
pub(crate) fn resolve(
    reference: &ModelRef,
    config: &HubConfig,
    freshness: Freshness,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<Resolved, ResolveError> {
    let (id, revision) = match &reference.place {
        Place::Directory(dir) => {
            return Ok(Resolved { dir: dir.clone(), commit: None, notes: Vec::new() });
        }
        Place::Hub { id, revision } => (id, revision.as_deref().unwrap_or(DEFAULT_REVISION)),
    };
    let cache = Cache::new(config.cache_dir.clone().ok_or(ResolveError::NoCache)?);
    let cached = look_up(&cache, id, revision);
    if let Some((found, gaps)) = &cached
        && let Some(resolved) = usable(id, found, gaps, config.offline, freshness)
    {
        return Ok(resolved);
    }
    if config.offline {
        return Err(ResolveError::Offline {
            id: id.clone(),
            revision: revision.to_owned(),
            cache: cache.root().to_path_buf(),
            missing: cached.map(|(_, gaps)| gaps.missing).unwrap_or_default(),
        });
    }
    let commit = download(&cache, id, revision, config, report)?;
    let dir = cache.repo(id).snapshot(&commit);
    Ok(Resolved { dir, commit: Some(commit), notes: Vec::new() })
}

/// Returns what is in the cache of a revision, complete or not.
fn look_up(cache: &Cache, id: &HubId, revision: &str) -> Option<(Resolved, Gaps)> {
    let repo = cache.repo(id);
    let commit = repo.commit(revision)?;
    let dir = repo.snapshot(&commit);
    if !dir.is_dir() {
        return None;
    }
    let gaps = needed::gaps(&dir, &|file| repo.is_known_absent(&commit, file));
    Some((Resolved { dir, commit: Some(commit), notes: Vec::new() }, gaps))
}

/// Returns the cached model if it may be used as it is. Offline, a file of which nobody knows
/// whether the model has it is taken as absent, and that is said.
fn usable(
    id: &HubId,
    found: &Resolved,
    gaps: &Gaps,
    offline: bool,
    freshness: Freshness,
) -> Option<Resolved> {
    let is_whole = gaps.missing.is_empty() && (gaps.unknown.is_empty() || offline);
    if !is_whole || (freshness == Freshness::Latest && !offline) {
        return None;
    }
    let absent = |file: &String| {
        format!(
            "{file} of `{id}` is not in the cache and is taken as absent, since `offline` is set"
        )
    };
    Some(Resolved {
        dir: found.dir.clone(),
        commit: found.commit.clone(),
        notes: gaps.unknown.iter().map(absent).collect(),
    })
}

fn download(
    cache: &Cache,
    id: &HubId,
    revision: &str,
    config: &HubConfig,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<String, ResolveError> {
    let failed = |err| ResolveError::Download { id: id.clone(), source: Box::new(err) };
    let hub = Hub::new(config, token(config)?).map_err(failed)?;
    let mut download =
        Download { hub: &hub, cache, id, num_retries: config.num_retries, report, pause: &pause };
    download.run(revision).map_err(failed)
}

/// Returns the token that was set, or the one that a login left.
pub(crate) fn token(config: &HubConfig) -> Result<Option<Secret>, ResolveError> {
    if let Some(token) = &config.token {
        return Ok(Some(token.clone()));
    }
    let Some(path) = &config.token_path else {
        return Ok(None);
    };
    match fs_err::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(Secret::new(text.trim().to_owned()))),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(ResolveError::Token(err)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server that just failed is given time; there is no state to wait for"
)]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

fn of_which(missing: &[String]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!(" whole (it lacks {})", missing.join(", "))
}
