//! The encoders in the Hub's cache, for `sembla model list`.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::cache::Cache;
use super::needed::gaps;

/// One commit of a model in the cache.
#[derive(Debug, Serialize)]
pub(crate) struct Cached {
    /// The Hub id.
    pub(crate) id: String,
    /// Branches and tags that name the commit.
    pub(crate) revisions: Vec<String>,
    pub(crate) commit: String,
    /// Of the files of this commit; commits may share some.
    pub(crate) size_bytes: u64,
    /// `model_type` of config.json.
    pub(crate) architecture: Option<String>,
    /// Why it cannot be loaded; empty if it can.
    pub(crate) obstacles: Vec<String>,
}

/// Lists the models of the cache that have a config.json, by id and commit.
///
/// # Errors
///
/// If the cache exists and cannot be read.
pub(crate) fn cached(cache: &Cache) -> io::Result<Vec<Cached>> {
    let mut models = Vec::new();
    for id in cache.ids()? {
        let repo = cache.repo(&id);
        for (commit, revisions) in repo.snapshots()? {
            let dir = repo.snapshot(&commit);
            let Some(config) = config(&dir) else {
                continue;
            };
            let architecture = config["model_type"].as_str();
            let missing = gaps(&dir, &|_| false).missing;
            models.push(Cached {
                id: id.to_string(),
                revisions,
                size_bytes: size(&dir)?,
                architecture: architecture.map(str::to_owned),
                obstacles: obstacles(architecture, missing),
                commit,
            });
        }
    }
    Ok(models)
}

/// A repository without a readable config.json is a dataset, a tokenizer or something else that is
/// no encoder.
fn config(dir: &Path) -> Option<Value> {
    let text = fs_err::read_to_string(dir.join("config.json")).ok()?;
    serde_json::from_str(&text).ok()
}

/// Says what is in the way of loading a model, without reading its weights: those can be gigabytes.
pub(super) fn obstacles(architecture: Option<&str>, missing: Vec<String>) -> Vec<String> {
    let mut obstacles = Vec::new();
    let is_known =
        |name: &str| model::architectures().iter().any(|known| known.model_types.contains(&name));
    match architecture {
        Some(name) if is_known(name) => {}
        Some(name) => obstacles.push(format!("model_type `{name}` is not supported")),
        None => obstacles.push("config.json has no model_type".to_owned()),
    }
    if !missing.is_empty() {
        obstacles.push(format!("it lacks {}", missing.join(" and ")));
    }
    obstacles
}

/// Adds up the files below a folder, through links.
fn size(dir: &Path) -> io::Result<u64> {
    let mut num_bytes = 0;
    for entry in fs_err::read_dir(dir)? {
        let path = entry?.path();
        // A link whose blob was deleted has no size.
        let Ok(metadata) = fs_err::metadata(&path) else {
            continue;
        };
        num_bytes += if metadata.is_dir() { size(&path)? } else { metadata.len() };
    }
    Ok(num_bytes)
}
