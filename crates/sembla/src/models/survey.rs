//! What can be known of a model before it is loaded: whether it is there, what is in the way of loading
//! it, and how large it will be. Nothing large is read, and nothing is downloaded into the cache.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::hub::{Hub, HubError, Listing};
use super::list::obstacles;
use super::needed::{self, MODULES, Module, gaps, lacks, parse_modules, select};
use super::reference::{HubId, ModelRef, Place};
use super::{DEFAULT_REVISION, Freshness, ResolveError, look_up, token, usable};
use crate::config::HubConfig;
use crate::models::cache::Cache;

/// What is known of a model that nothing is in the way of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Survey {
    /// What its weights take in memory, where they are all 32-bit floats.
    pub(crate) weight_bytes: u64,
}

/// A model that cannot be loaded, or of which nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SurveyError {
    /// It is there, and no encoder of ours.
    #[error("{place}: {}", .obstacles.join("; "))]
    Unfit {
        /// The directory or the id.
        place: String,
        /// What is in the way, one clause each.
        obstacles: Vec<String>,
    },
    /// It is not on this machine, and cannot be brought here.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The Hub does not have it, or does not answer.
    #[error(transparent)]
    Hub(#[from] HubError),
}

impl SurveyError {
    /// Returns whether the same question could be answered a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Hub(err) => err.is_retryable(),
            Self::Unfit { .. } | Self::Resolve(_) => false,
        }
    }
}

// modules.json and config.json are a few kB.
const MAX_SETTINGS_BYTES: u64 = 1 << 20;
// A header has some hundred bytes a tensor.
const MAX_HEADER_BYTES: u64 = 100 << 20;

/// Looks at a model on this machine, or asks the Hub for one that is not here. Blocks.
///
/// # Errors
///
/// [`SurveyError`] if it cannot be loaded, or nobody knows.
pub(crate) fn survey(reference: &ModelRef, config: &HubConfig) -> Result<Survey, SurveyError> {
    let (id, revision) = match &reference.place {
        Place::Directory(dir) => return of_directory(dir, &dir.display().to_string()),
        Place::Hub { id, revision } => (id, revision.as_deref().unwrap_or(DEFAULT_REVISION)),
    };
    let cache = Cache::new(config.cache_dir.clone().ok_or(ResolveError::NoCache)?);
    let cached = look_up(&cache, id, revision);
    if let Some((found, gaps)) = &cached
        && let Some(resolved) = usable(id, found, gaps, config.offline, Freshness::Cached)
    {
        return of_directory(&resolved.dir, id.as_str());
    }
    if config.offline {
        let missing = cached.map(|(_, gaps)| gaps.missing).unwrap_or_default();
        let (id, revision, cache) = (id.clone(), revision.to_owned(), cache.root().to_owned());
        return Err(ResolveError::Offline { id, revision, cache, missing }.into());
    }
    of_hub(id, revision, config)
}

fn of_directory(dir: &Path, place: &str) -> Result<Survey, SurveyError> {
    let unfit = |obstacles| SurveyError::Unfit { place: place.to_owned(), obstacles };
    let missing = gaps(dir, &|_| true).missing;
    if !missing.is_empty() {
        return Err(unfit(vec![format!("it lacks {}", missing.join(" and "))]));
    }
    let modules = needed::modules_in(dir);
    let read = |path: &str| fs_err::read_to_string(dir.join(path)).unwrap_or_default();
    let obstacles = network_obstacles(&read(&needed::network_settings(&modules)));
    if !obstacles.is_empty() {
        return Err(unfit(obstacles));
    }
    let listing = needed::list_files(dir);
    let bytes = weights(&listing, &modules).map(|path| float_bytes(&dir.join(path)));
    Ok(Survey { weight_bytes: bytes.sum() })
}

fn of_hub(id: &HubId, revision: &str, config: &HubConfig) -> Result<Survey, SurveyError> {
    let hub = Hub::new(config, token(config)?)?;
    let Listing { commit, files } = hub.list(id, revision)?;
    let fetch = |path: &str| fetch(&hub, id, &commit, path);
    let modules = if files.iter().any(|file| file == MODULES) {
        let modules = parse_modules(&fetch(MODULES)?);
        modules.map_err(|source| HubError::Modules { id: id.clone(), source })?
    } else {
        Vec::new()
    };
    let lacking = lacks(&files, &modules);
    if !lacking.is_empty() {
        return Err(HubError::NotAnEncoder { id: id.clone(), lacking }.into());
    }
    let obstacles = network_obstacles(&fetch(&needed::network_settings(&modules))?);
    if !obstacles.is_empty() {
        return Err(SurveyError::Unfit { place: id.to_string(), obstacles });
    }
    let mut weight_bytes = 0;
    for path in weights(&files, &modules) {
        // Which type the floats have stands in the file itself, and most have 32 bits.
        weight_bytes += hub.stat(id, &commit, path)?.num_bytes;
    }
    Ok(Survey { weight_bytes })
}

/// Loads a small file into memory.
fn fetch(hub: &Hub, id: &HubId, commit: &str, path: &str) -> Result<String, HubError> {
    let file = hub.stat(id, commit, path)?;
    let body = hub.open(id, &file, 0)?;
    let mut text = String::new();
    let read = body.reader.take(MAX_SETTINGS_BYTES).read_to_string(&mut text);
    read.map_err(|source| HubError::BrokenOff { url: file.url, offset: 0, source })?;
    Ok(text)
}

fn network_obstacles(settings: &str) -> Vec<String> {
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    obstacles(settings["model_type"].as_str(), Vec::new())
}

fn weights<'a>(listing: &'a [String], modules: &[Module]) -> impl Iterator<Item = &'a str> {
    select(listing, modules).into_iter().filter(|path| path.ends_with(".safetensors"))
}

/// Returns what the tensors of a file take as 32-bit floats, or the length of a file that cannot be
/// read as one: loading it then says what is wrong.
fn float_bytes(path: &Path) -> u64 {
    num_values(path).map_or_else(
        || fs_err::metadata(path).map_or(0, |metadata| metadata.len()),
        |num_values| num_values.saturating_mul(size_of::<f32>() as u64),
    )
}

fn num_values(path: &Path) -> Option<u64> {
    #[derive(Deserialize)]
    struct Tensor {
        shape: Option<Vec<u64>>,
    }
    let mut file = fs_err::File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return None;
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).ok()?;
    // One entry is no tensor but notes about the file.
    let tensors: BTreeMap<String, Tensor> = serde_json::from_slice(&header).ok()?;
    let shapes = tensors.into_values().filter_map(|tensor| tensor.shape);
    Some(shapes.map(|shape| shape.into_iter().fold(1, u64::saturating_mul)).sum())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::{Expect, expect};

    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models").join(name)
    }

    fn copy(name: &str) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for path in needed::list_files(&fixture(name)) {
            let target = copy.path().join(&path);
            fs_err::create_dir_all(target.parent().unwrap()).unwrap();
            fs_err::copy(fixture(name).join(path), target).unwrap();
        }
        copy
    }

    #[track_caller]
    fn check_refused(dir: &Path, expected: Expect) {
        expected.assert_eq(&of_directory(dir, "model").unwrap_err().to_string());
    }

    #[test]
    fn weights_are_counted_as_they_will_be_in_memory() {
        let bytes = |name: &str| of_directory(&fixture(name), name).unwrap().weight_bytes;
        let file = fs_err::metadata(fixture("tiny-bert/model.safetensors")).unwrap().len();
        assert!(bytes("tiny-bert") <= file && bytes("tiny-bert") > file / 2, "{file}");
        assert_eq!(bytes("tiny-bert-f16"), bytes("tiny-bert"), "halves are widened");
    }

    #[test]
    fn what_is_missing_is_named() {
        let copy = copy("tiny-bert");
        fs_err::remove_file(copy.path().join("model.safetensors")).unwrap();
        fs_err::remove_file(copy.path().join("tokenizer.json")).unwrap();
        check_refused(copy.path(), expect!["model: it lacks tokenizer.json and model.safetensors"]);
    }

    #[test]
    fn a_network_that_nobody_knows_is_named() {
        let copy = copy("tiny-bert");
        fs_err::write(copy.path().join("config.json"), r#"{"model_type": "mamba"}"#).unwrap();
        check_refused(copy.path(), expect!["model: model_type `mamba` is not supported"]);
    }

    #[test]
    fn weights_that_cannot_be_read_count_as_long_as_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for bytes in [&b"short"[..], &[0xff; 40]] {
            fs_err::write(file.path(), bytes).unwrap();
            assert_eq!(float_bytes(file.path()), bytes.len() as u64);
        }
    }
}
