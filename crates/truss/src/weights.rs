//! Where the model's files come from, and which repository a path in the container is.

use serde_json::Value;

use crate::error::ImportError;
use crate::report::Report;
use crate::script::{Command, Scope, commands};
use crate::section::{Section, text_of};

/// Where Truss puts what `model_cache` lists.
const CACHE: &str = "/app/model_cache/";
const METADATA: &str = "model_metadata.repo_id";
const HUB_URLS: &[&str] = &["huggingface.co/", "www.huggingface.co/", "hf.co/"];

/// A repository that is there before the server starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The key that says so.
    pub(crate) key: String,
    pub(crate) repository: String,
    pub(crate) revision: Option<String>,
    /// The folder of the container that it is in, where that is said.
    pub(crate) folder: Option<String>,
}

/// All that is said of where files come from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) all: Vec<Source>,
    /// The repository of `model_metadata`, for whom it concerns.
    pub(crate) metadata: Option<String>,
    /// Secrets with which they are fetched.
    pub(crate) secrets: Vec<String>,
}

impl Sources {
    /// Takes what the file says of them.
    ///
    /// # Errors
    ///
    /// If something of it has the wrong type.
    pub(crate) fn take(root: &mut Section, report: &mut Report) -> Result<Self, ImportError> {
        let mut sources = Self::default();
        for (path, item) in root.list("weights")? {
            sources.weights(Section::of(path, item)?, report)?;
        }
        for key in ["model_cache", "hf_cache"] {
            for (path, item) in root.list(key)? {
                sources.model_cache(Section::of(path, item)?, report)?;
            }
        }
        for (path, item) in root.list("build_commands")? {
            sources.build_command(&path, item, report)?;
        }
        sources.metadata(root.section("model_metadata")?, report)?;
        Ok(sources)
    }

    fn weights(&mut self, mut item: Section, report: &mut Report) -> Result<(), ImportError> {
        let key = item.path_of("source");
        let source = item.words("source")?;
        let folder = item.words("mount_location")?;
        match source.as_deref().and_then(|source| source.strip_prefix("hf://")) {
            Some(id) => {
                let (id, revision) = match id.split_once('@') {
                    Some((id, revision)) => (id, Some(revision.to_owned())),
                    None => (id, None),
                };
                self.all.push(Source { key, repository: id.to_owned(), revision, folder });
            }
            None if source.is_some() => {
                report.leave_out(key, "only hf:// is fetched here; name a folder with --model");
            }
            None => {}
        }
        self.secrets.extend(item.words("auth_secret_name")?);
        let mut auth = item.section("auth")?;
        self.secrets.extend(auth.words("auth_secret_name")?);
        drop(auth.take("auth_method"));
        auth.finish(report);
        finish(item, report);
        Ok(())
    }

    fn model_cache(&mut self, mut item: Section, report: &mut Report) -> Result<(), ImportError> {
        let (key, path) = (item.path_of("repo_id"), item.path_of("kind"));
        let repository = item.words("repo_id")?;
        let revision = item.words("revision")?;
        let folder = item.words("volume_folder")?.map(|folder| format!("{CACHE}{folder}"));
        let kind = item.words("kind")?;
        let secret = item.words("runtime_secret_name")?;
        drop(item.take("use_volume"));
        match (kind.as_deref(), repository) {
            (None | Some("hf"), Some(repository)) => {
                self.all.push(Source { key, repository, revision, folder });
                self.secrets.extend(secret);
            }
            (None | Some("hf"), None) => {}
            (Some(_), _) => report.leave_out(path, "only those of the Hub (hf) are fetched here"),
        }
        finish(item, report);
        Ok(())
    }

    fn metadata(&mut self, mut item: Section, report: &mut Report) -> Result<(), ImportError> {
        self.metadata = item.words("repo_id")?;
        let why = "it describes the model to people, and has no place in an endpoint";
        for (path, _, value) in item.into_entries() {
            if !value.is_null() {
                report.leave_out(path, why);
            }
        }
        Ok(())
    }

    // What it runs is not shown: an address may have a token in it.
    fn build_command(
        &mut self,
        path: &str,
        item: Value,
        report: &mut Report,
    ) -> Result<(), ImportError> {
        let script = text_of(path.to_owned(), item)?;
        let commands = commands(&script);
        let mut is_known = commands.is_ok();
        for command in commands.unwrap_or_default() {
            is_known &= self.fetch(path, &command);
        }
        if !is_known {
            report.leave_out(path, "no container is built here");
        }
        Ok(())
    }

    /// Notes what a command fetches. Returns whether it is one that only does that.
    pub(crate) fn fetch(&mut self, key: &str, command: &Command) -> bool {
        let words: Option<Vec<String>> = command
            .words
            .iter()
            .map(|word| word.whole(&Scope::new()).ok().map(|known| known.text))
            .collect();
        let words = words.unwrap_or_default();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let source = match words.as_slice() {
            ["git", "lfs", "install", ..] => return true,
            ["git", "clone", rest @ ..] => cloned(rest),
            ["hf" | "huggingface-cli", "download", rest @ ..] => downloaded(rest),
            _ => None,
        };
        let is_known = source.is_some();
        self.all.extend(source.map(|source| Source { key: key.to_owned(), ..source }));
        is_known
    }

    /// Returns the repository that a path of the container is.
    ///
    /// # Errors
    ///
    /// [`ImportError::NoModel`] if that cannot be told.
    pub(crate) fn find(&self, path: &str) -> Result<Source, ImportError> {
        let is_there = |source: &&Source| {
            source.folder.as_deref().is_some_and(|folder| is_same_folder(folder, path))
        };
        // The last one is what lies there.
        if let Some(source) = self.all.iter().rev().find(is_there) {
            return Ok(source.clone());
        }
        if let Some(repository) = &self.metadata {
            let same = self.all.iter().find(|source| &source.repository == repository);
            let revision = same.and_then(|source| source.revision.clone());
            let key = METADATA.to_owned();
            return Ok(Source { key, repository: repository.clone(), revision, folder: None });
        }
        match self.all.as_slice() {
            [source] => Ok(source.clone()),
            [] => Err(ImportError::NoModel {
                problem: format!(
                    "--model-id is {path}, a folder of the container, and neither weights, model_cache, \
                     build_commands nor model_metadata.repo_id names the repository in it"
                ),
            }),
            several => {
                let names = several.iter().map(|source| format!("`{}`", source.repository));
                Err(ImportError::NoModel {
                    problem: format!(
                        "--model-id is {path}, a folder of the container, and any of {} may be in it",
                        names.collect::<Vec<_>>().join(", ")
                    ),
                })
            }
        }
    }

    /// Lists those that are not the model.
    pub(crate) fn leave_out_others(&self, model: &str, report: &mut Report) {
        let why = "nothing reads it: the endpoint runs another model";
        for source in self.all.iter().filter(|source| source.repository != model) {
            report.leave_out(&source.key, why);
        }
        if self.metadata.as_deref().is_some_and(|repository| repository != model) {
            report.leave_out(METADATA, why);
        }
    }

    /// Returns the revision with which a repository is fetched.
    pub(crate) fn revision_of(&self, repository: &str) -> Option<String> {
        self.all.iter().find(|source| source.repository == repository)?.revision.clone()
    }
}

fn finish(mut item: Section, report: &mut Report) {
    let why = "which files of a repository are fetched is decided here";
    item.leave_out(&["allow_patterns", "ignore_patterns"], why, report);
    item.finish(report);
}

fn is_same_folder(one: &str, other: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        parts.map(str::to_owned).collect()
    };
    parts(one) == parts(other)
}

fn cloned(words: &[&str]) -> Option<Source> {
    let Options { plain, revision, .. } = options(words, &["--branch", "-b"], &[]);
    let (url, folder) = match plain.as_slice() {
        [url] => (*url, None),
        [url, folder] => (*url, Some((*folder).to_owned())),
        _ => return None,
    };
    let address = url.split_once("://")?.1;
    // A token may stand before the host.
    let address = address.rsplit_once('@').map_or(address, |(_, address)| address);
    let id = HUB_URLS.iter().find_map(|host| address.strip_prefix(host))?;
    let id = id.trim_end_matches('/').trim_end_matches(".git");
    let folder = folder.or_else(|| id.rsplit('/').next().map(str::to_owned));
    Some(Source { key: String::new(), repository: id.to_owned(), revision, folder })
}

fn downloaded(words: &[&str]) -> Option<Source> {
    let Options { plain, revision, folder } = options(words, &["--revision"], &["--local-dir"]);
    let repository = (*plain.first()?).to_owned();
    Some(Source { key: String::new(), repository, revision, folder })
}

/// What stands behind a command.
#[derive(Default)]
struct Options<'a> {
    plain: Vec<&'a str>,
    revision: Option<String>,
    folder: Option<String>,
}

fn options<'a>(words: &[&'a str], revisions: &[&str], folders: &[&str]) -> Options<'a> {
    /// Flags of both commands with a value that is of no interest.
    const WITH_VALUE: &[&str] = &[
        "--depth",
        "--token",
        "--cache-dir",
        "--include",
        "--exclude",
        "--repo-type",
        "--config",
        "-c",
        "--origin",
        "-o",
        "--jobs",
        "-j",
        "--filter",
        "--max-workers",
    ];
    let mut options = Options::default();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            options.plain.push(word);
            continue;
        }
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word, None),
        };
        let mut value = || value.or_else(|| words.next()).map(str::to_owned);
        if revisions.contains(&flag) {
            options.revision = value();
        } else if folders.contains(&flag) {
            options.folder = value();
        } else if WITH_VALUE.contains(&flag) {
            value();
        }
    }
    options
}
