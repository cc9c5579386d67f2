//! A config.yaml as a tree of values, whatever its sender put into it.

#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use serde_saphyr::{Budget, DuplicateKeyPolicy, Options};

use crate::error::ReadError;
use crate::section::describe;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 1 << 20;

/// The file of a Truss's folder.
const CONFIG: &str = "config.yaml";
/// Far over what any config has, aliases replayed; far under what fills a machine.
const MAX_NODES: usize = 100_000;
/// Lists in lists: no key of a Truss lies below six others.
const MAX_DEPTH: usize = 32;

/// A file that was read.
#[derive(Debug)]
pub struct Document {
    /// Where it was.
    pub path: PathBuf,
    pub(crate) keys: Map<String, Value>,
}

/// Reads a config.yaml, or that of a folder.
///
/// # Errors
///
/// [`ReadError`] if it is none, or over the bounds.
pub fn read(path: &Path) -> Result<Document, ReadError> {
    let path = file_of(path)?;
    let mut text = String::new();
    // One byte more than it may have tells whether it has too many, whatever its length claims to be.
    let read = fs_err::File::open(&path)?.take(MAX_BYTES + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 > MAX_BYTES => return Err(ReadError::TooLarge { path }),
        Ok(_) => {}
        Err(err) if err.kind() == std::io::ErrorKind::InvalidData => {
            return Err(ReadError::Yaml { path, problem: "it is not UTF-8 text".to_owned() });
        }
        Err(err) => return Err(err.into()),
    }
    parse_bounded(path, &text)
}

fn file_of(path: &Path) -> Result<PathBuf, ReadError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let file = path.join(CONFIG);
    if !file.is_file() {
        return Err(ReadError::NoConfig { folder: path.to_owned() });
    }
    Ok(file)
}

/// Reads the text of a config.yaml, which may be JSON. Messages call it `path`.
///
/// # Errors
///
/// [`ReadError`] if it is none, or over the bounds.
pub fn parse(path: PathBuf, text: &str) -> Result<Document, ReadError> {
    if text.len() as u64 > MAX_BYTES {
        return Err(ReadError::TooLarge { path });
    }
    parse_bounded(path, text)
}

fn parse_bounded(path: PathBuf, text: &str) -> Result<Document, ReadError> {
    let value: Value = match serde_saphyr::from_str_with_options(text, options()) {
        Ok(value) => value,
        Err(err) => {
            let problem = problem(&err);
            return Err(ReadError::Yaml { path, problem });
        }
    };
    match value {
        Value::Object(keys) => Ok(Document { path, keys }),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => Err(ReadError::NoMapping { path, found: describe(&other) }),
    }
}

// A key that stands twice says two things, of which a reader sees one. Excerpts would show secrets.
fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_nodes = MAX_NODES;
    budget.max_events = MAX_NODES * 4;
    budget.max_depth = MAX_DEPTH;
    budget.flow_nesting_limit = MAX_DEPTH;
    budget.max_documents = 1;
    budget.max_total_scalar_bytes = 8 * MAX_BYTES as usize;
    budget.max_recorded_anchor_events = MAX_NODES;
    budget.max_recorded_anchor_bytes = 8 * MAX_BYTES as usize;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = MAX_NODES;
    options.alias_limits.max_replay_stack_depth = MAX_DEPTH;
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    options.with_snippet = false;
    options
}

// What the library says of its own settings would tell nobody what to do.
fn problem(err: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error as E;
    let is_bound = matches!(
        err,
        E::Budget { .. }
            | E::AliasReplayCounterOverflow { .. }
            | E::AliasReplayLimitExceeded { .. }
            | E::AliasExpansionLimitExceeded { .. }
            | E::AliasReplayStackDepthExceeded { .. }
    );
    let is_bound = is_bound || err.to_string().contains("budget breached");
    let what = if is_bound {
        "it has more documents, or more values in one another, than any Truss".to_owned()
    } else if let E::DuplicateMappingKey { key, .. } = err {
        let key = key.as_deref().map_or(String::new(), |key| format!(" `{key}`"));
        format!("the key{key} stands there twice")
    } else if matches!(err, E::RecursiveReferencesRequireWeakTypes { .. }) {
        "a value contains itself".to_owned()
    } else {
        return err.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    };
    match err.location() {
        Some(place) => format!("{what}, at line {}, column {}", place.line(), place.column()),
        None => what,
    }
}
