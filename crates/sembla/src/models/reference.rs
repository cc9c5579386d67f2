//! `[NAME=]MODEL[@REVISION]`: what a user writes for a model.
//!
//! A directory that exists always wins over a Hub id of the same spelling; a text with the form of
//! a path is never taken for a Hub id, so that a misspelt path is not looked for on the Hub.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

/// A model as a user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelRef {
    /// The name before `=`, if one was given.
    pub(crate) name: Option<String>,
    /// Where to look.
    pub(crate) place: Place,
}

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A directory that exists.
    Directory(PathBuf),
    /// A repository of the Hub.
    Hub { id: HubId, revision: Option<String> },
}

/// The id of a repository, `namespace/name` or an old one without a namespace. Only valid ids exist,
/// so that one can be put into a path or an address as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HubId(String);

/// A text that names no model.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefError {
    /// It looks like a path, and nothing is there.
    #[error("there is no model directory at {}", .path.display())]
    NoDirectory { path: PathBuf },

    /// A file where a directory was expected.
    #[error("{} is not a directory; name the directory that holds config.json", .path.display())]
    NotADirectory { path: PathBuf },

    /// A directory has no revisions.
    #[error("{} is a directory and has no revision `{revision}`", .path.display())]
    RevisionOfDirectory { path: PathBuf, revision: String },

    /// Neither a directory nor an id.
    #[error(
        "`{text}` is neither a directory nor a Hub id, which is NAMESPACE/NAME of letters, digits, \
         `-`, `_` and `.`"
    )]
    NoHubId { text: String },

    /// The revision would leave the folder of the cache that it belongs in.
    #[error("`{revision}` is not a revision; expected a branch, a tag or a commit")]
    NoRevision { revision: String },
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Directory,
    Other,
    Nothing,
}

impl ModelRef {
    /// Reads `[NAME=]MODEL[@REVISION]` against the file system.
    ///
    /// # Errors
    ///
    /// [`RefError`] if it names neither a directory nor a Hub id.
    pub(crate) fn parse(text: &str) -> Result<Self, RefError> {
        Self::parse_with(text, &look)
    }

    /// Reads the same for a process that works in another folder than whoever wrote it: a path that is not
    /// absolute names nothing.
    ///
    /// # Errors
    ///
    /// [`RefError`] if it names neither a directory nor a Hub id.
    pub(crate) fn parse_anywhere(text: &str) -> Result<Self, RefError> {
        Self::parse_with(text, &|path| {
            if path.is_absolute() { look(path) } else { Found::Nothing }
        })
    }

    fn parse_with(text: &str, look: &dyn Fn(&Path) -> Found) -> Result<Self, RefError> {
        // A directory may have `=` or `@` in its name, so the whole text is tried first.
        if look(Path::new(text)) == Found::Directory {
            return Ok(Self { name: None, place: Place::Directory(PathBuf::from(text)) });
        }
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) if is_name(name) => (Some(name.to_owned()), rest),
            _ => (None, text),
        };
        Ok(Self { name, place: Place::parse_with(rest, look)? })
    }

    /// Returns this reference with `revision`, if it is of the Hub and has none of its own.
    pub(crate) fn with_revision(self, revision: Option<&str>) -> Result<Self, RefError> {
        let Some(revision) = revision else {
            return Ok(self);
        };
        match self.place {
            Place::Hub { id, revision: None } => {
                let revision = Some(checked_revision(revision)?);
                Ok(Self { name: self.name, place: Place::Hub { id, revision } })
            }
            Place::Hub { .. } => Ok(self),
            Place::Directory(path) => {
                Err(RefError::RevisionOfDirectory { path, revision: revision.to_owned() })
            }
        }
    }

    /// Returns the names under which the model is served: `given`, the name before `=`, or the one
    /// that it has by itself (the last part of a repository's id, a directory's last component).
    pub(crate) fn served_names(&self, given: Option<&str>) -> ServedNames {
        let whole = match (given.or(self.name.as_deref()), &self.place) {
            (Some(name), _) => name.to_owned(),
            (None, Place::Hub { id, .. }) => id.to_string(),
            (None, Place::Directory(path)) => directory_name(path),
        };
        let short = whole.rsplit('/').next().unwrap_or(&whole).to_owned();
        let mut aliases = Vec::new();
        if short != whole {
            aliases.push(whole);
        }
        if let Place::Hub { id, .. } = &self.place {
            let id = id.to_string();
            if id != short && !aliases.contains(&id) {
                aliases.push(id);
            }
        }
        ServedNames { name: short, aliases }
    }

    /// Returns the revision that was asked for.
    pub(crate) fn revision(&self) -> Option<&str> {
        match &self.place {
            Place::Hub { revision, .. } => revision.as_deref(),
            Place::Directory(_) => None,
        }
    }

    /// Returns what finds the model again: a directory as it was given, but never to be mistaken
    /// for a Hub id, or a Hub id with its revision.
    pub(crate) fn qualified_id(&self) -> String {
        match &self.place {
            Place::Hub { id, revision: Some(revision) } => format!("{id}@{revision}"),
            Place::Hub { id, revision: None } => id.to_string(),
            Place::Directory(path) => {
                let text = path.display().to_string();
                if has_form_of_path(&text) { text } else { format!("./{text}") }
            }
        }
    }

    /// Returns what names the model to a process that works in another folder: a Hub id without its
    /// revision, or the absolute path of a directory.
    pub(crate) fn id_anywhere(&self) -> String {
        match &self.place {
            Place::Hub { id, .. } => id.to_string(),
            Place::Directory(path) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
            }
        }
    }

    /// Returns that with the name before `=`, if one was given.
    pub(crate) fn spelled_anywhere(&self) -> String {
        let id = self.id_anywhere();
        match &self.name {
            Some(name) => format!("{name}={id}"),
            None => id,
        }
    }

    /// Returns the model as clients see it: a Hub id, or a directory as it was given.
    pub(crate) fn model_id(&self) -> String {
        match &self.place {
            Place::Hub { id, .. } => id.to_string(),
            Place::Directory(path) => path.display().to_string(),
        }
    }
}

/// What a served model answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServedNames {
    /// One segment of a path.
    pub(crate) name: String,
    /// What a `model` field may say besides.
    pub(crate) aliases: Vec<String>,
}

impl Place {
    fn parse_with(text: &str, look: &dyn Fn(&Path) -> Found) -> Result<Self, RefError> {
        let path = Path::new(text);
        if look(path) == Found::Directory {
            return Ok(Self::Directory(path.to_path_buf()));
        }
        let (base, revision) = match text.rsplit_once('@') {
            Some((base, revision)) => (base, Some(revision)),
            None => (text, None),
        };
        if let (Some(revision), Found::Directory) = (revision, look(Path::new(base))) {
            return Err(RefError::RevisionOfDirectory {
                path: PathBuf::from(base),
                revision: revision.to_owned(),
            });
        }
        if look(path) == Found::Other {
            return Err(RefError::NotADirectory { path: path.to_path_buf() });
        }
        if has_form_of_path(base) {
            return Err(RefError::NoDirectory { path: PathBuf::from(base) });
        }
        let id = HubId::parse(base).ok_or_else(|| RefError::NoHubId { text: text.to_owned() })?;
        Ok(Self::Hub { id, revision: revision.map(checked_revision).transpose()? })
    }
}

impl HubId {
    /// Returns the id, or `None` if the Hub could not have it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let valid = match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => is_name(name),
            (Some(namespace), Some(name), None) => is_name(namespace) && is_name(name),
            _ => false,
        };
        // The cache writes `/` as `--`, so the Hub allows neither that nor `..` in an id.
        let valid = valid && !text.contains("--") && !text.contains("..");
        valid.then(|| Self(text.to_owned()))
    }

    /// Returns the id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn look(path: &Path) -> Found {
    if path.is_dir() {
        Found::Directory
    } else if path.exists() {
        Found::Other
    } else {
        Found::Nothing
    }
}

/// Refuses a revision that is no branch, tag or commit: it becomes a path below `refs/`.
fn checked_revision(revision: &str) -> Result<String, RefError> {
    let part_is_fine = |part: &str| !part.is_empty() && part != "." && part != "..";
    let valid = revision.split('/').all(part_is_fine)
        && revision
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && !"?#\\:*~^".contains(c));
    if !valid {
        return Err(RefError::NoRevision { revision: revision.to_owned() });
    }
    Ok(revision.to_owned())
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty()
        && text.len() <= 96
        && text.chars().all(allowed)
        && !text.starts_with(['.', '-'])
        && !text.ends_with(['.', '-'])
}

fn has_form_of_path(text: &str) -> bool {
    text.starts_with(['/', '.', '~']) || text.ends_with('/') || text.matches('/').count() > 1
}

/// Returns the last component that says something: of `models/minilm/.` that is `minilm`.
fn directory_name(path: &Path) -> String {
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let whole = named(path).or_else(|| named(&path.canonicalize().ok()?));
    whole.unwrap_or_else(|| "model".to_owned())
}
