//! The Hub's cache on this machine, in the layout of the Hub's Python client:
//!
//! ```text
//! models--org--name/refs/main                      the commit of a branch or tag
//! models--org--name/snapshots/COMMIT/config.json   a link to ../../blobs/ETAG
//! models--org--name/blobs/ETAG                     the file; ETAG.incomplete while it is loaded
//! models--org--name/.no_exist/COMMIT/FILE          an empty file: the commit has no FILE
//! models--org--name/trees/COMMIT.json              all files of the commit (newer clients)
//! .locks/models--org--name/ETAG.lock               held while a blob is loaded
//! ```
//!
//! Only paths and reading are here; what is written goes through [`crate::models::whole`].
//!
//! # Source
//!
//! huggingface_hub 2.4.0, `file_download.py`, `_snapshot_download.py` and `_tree_cache.py`.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::reference::HubId;

/// The folder of downloaded models.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// The part of the cache that belongs to one repository.
#[derive(Debug, Clone)]
pub(crate) struct RepoCache {
    dir: PathBuf,
    locks: PathBuf,
}

const PREFIX: &str = "models--";

impl Cache {
    /// Takes the folder, which need not exist.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the part that belongs to `id`, which need not exist.
    pub(crate) fn repo(&self, id: &HubId) -> RepoCache {
        let folder = format!("{PREFIX}{}", id.as_str().replace('/', "--"));
        RepoCache { locks: self.root.join(".locks").join(&folder), dir: self.root.join(folder) }
    }

    /// Returns the ids of the models in the cache, in order. Without a cache there are none.
    ///
    /// # Errors
    ///
    /// If the folder exists and cannot be read.
    pub(crate) fn ids(&self) -> io::Result<Vec<HubId>> {
        let mut ids = Vec::new();
        for name in names_in(&self.root)? {
            let id = name.strip_prefix(PREFIX).map(|id| id.replace("--", "/"));
            ids.extend(id.as_deref().and_then(HubId::parse));
        }
        ids.sort();
        Ok(ids)
    }
}

impl RepoCache {
    /// Returns the folder of a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.dir.join("snapshots").join(commit)
    }

    /// Returns where the file with this ETag is kept.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.dir.join("blobs").join(etag)
    }

    /// Returns the file that says which commit a branch or tag is.
    pub(crate) fn reference(&self, revision: &str) -> PathBuf {
        self.dir.join("refs").join(revision)
    }

    /// Returns the file that is locked while a blob is loaded.
    pub(crate) fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    /// Returns the empty file that says that a commit lacks `file`.
    pub(crate) fn absence(&self, commit: &str, file: &str) -> PathBuf {
        self.dir.join(".no_exist").join(commit).join(file)
    }

    /// Returns the commit that a revision is, as far as the cache knows.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs_err::read_to_string(self.reference(revision)).ok()?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Returns whether it is known that the commit has no `file`: a client that asked for it left a
    /// mark, or a client that listed the commit left the list.
    pub(crate) fn is_known_absent(&self, commit: &str, file: &str) -> bool {
        self.absence(commit, file).exists()
            || self.listed_files(commit).is_some_and(|files| !files.iter().any(|name| name == file))
    }

    fn listed_files(&self, commit: &str) -> Option<Vec<String>> {
        let text =
            fs_err::read_to_string(self.dir.join("trees").join(format!("{commit}.json"))).ok()?;
        let tree: Value = serde_json::from_str(&text).ok()?;
        Some(tree.get("files")?.as_object()?.keys().cloned().collect())
    }

    /// Returns the commits with files here, each with the branches and tags that name it.
    ///
    /// # Errors
    ///
    /// If a folder exists and cannot be read.
    pub(crate) fn snapshots(&self) -> io::Result<Vec<(String, Vec<String>)>> {
        let references = self.references()?;
        let mut commits = names_in(&self.dir.join("snapshots"))?;
        commits.sort();
        let named = |commit: &String| {
            let of_commit = references.iter().filter(|(_, named)| named == commit);
            of_commit.map(|(name, _)| name.clone()).collect()
        };
        Ok(commits.iter().map(|commit| (commit.clone(), named(commit))).collect())
    }

    /// Returns branches and tags with their commits. A name may contain slashes (`refs/pr/3`).
    fn references(&self) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let dir = self.dir.join("refs").join(&folder);
            for name in names_in(&dir)? {
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                match self.commit(&name) {
                    Some(commit) => found.push((name, commit)),
                    None => folders.push(name),
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Returns whether a revision is a full commit id, which needs no look-up.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the names in a folder; none if it does not exist or is a file.
fn names_in(dir: &Path) -> io::Result<Vec<String>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs_err::read_dir(dir)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}
