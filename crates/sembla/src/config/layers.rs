//! The layers of the configuration: for each setting the first of flag, variable, file and default
//! that has it, with where it came from.
//!
//! Pure: arguments, environment and file come as values, so that a test touches none of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::defaults::default_table;
use super::error::ConfigError;
use super::kind::Kind;
use super::secret::HIDDEN;
use super::table::{CONFIG_VARIABLE, Command, SETTINGS, Setting, VARIABLE_PREFIX, find};
use super::tei::{FOREIGN, Fate, Foreign};

/// The environment, as a map.
pub(crate) type Env = BTreeMap<String, String>;

/// What the command line gave.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The file named by `--config`.
    pub(crate) config: Option<PathBuf>,
    /// Values by setting, one per occurrence of the flag.
    pub(crate) settings: BTreeMap<&'static str, Vec<String>>,
    /// Flags of text-embeddings-inference without a counterpart.
    pub(crate) foreign: Vec<&'static Foreign>,
}

/// The text of the TOML file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag, without the hyphens in front.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// The TOML file.
    File(PathBuf),
    /// `config/default.toml`.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting with its value, if it has one.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) setting: &'static Setting,
    pub(crate) value: Option<(Value, Source)>,
}

/// Every setting, and what else is to be said about them.
#[derive(Debug)]
pub(crate) struct Layers {
    /// In the order of the table.
    pub(crate) resolved: Vec<Resolved>,
    /// What was given and has no effect, one sentence each.
    pub(crate) notes: Vec<String>,
}

impl Layers {
    /// Returns where the value of the setting `name` came from.
    pub(crate) fn source(&self, name: &str) -> Source {
        let resolved = self.resolved.iter().find(|resolved| resolved.setting.name == name);
        let value = resolved.and_then(|resolved| resolved.value.as_ref());
        value.map_or(Source::Default, |(_, source)| source.clone())
    }
}

/// Finds the value of every setting.
///
/// # Errors
///
/// [`ConfigError`] for a value that is not allowed, an unknown key of the file, or a refused flag
/// or variable of text-embeddings-inference.
pub(crate) fn resolve(
    command: Command,
    given: &Given,
    env: &Env,
    file: Option<&File>,
) -> Result<Layers, ConfigError> {
    let mut notes = unknown_variables(env);
    let meant = read_foreign(command, given, env, &mut notes)?;
    let file = file.map(|file| Ok((parse_file(file)?, file.path.as_path()))).transpose()?;
    let defaults = default_table();

    let mut resolved = Vec::with_capacity(SETTINGS.len());
    for setting in SETTINGS {
        let value = match from_flags(setting, given)? {
            Some(found) => Some(found),
            None => match from_env(setting, command, env)? {
                Some(found) => Some(found),
                None => match meant.get(setting.name) {
                    Some(found) => Some(found.clone()),
                    None => from_tables(setting, file.as_ref(), &defaults)?,
                },
            },
        };
        resolved.push(Resolved { setting, value });
    }
    Ok(Layers { resolved, notes })
}

/// Returns the file that the command line or the environment names.
pub(crate) fn file_path<'a>(given: &'a Given, env: &'a Env) -> Option<&'a Path> {
    let named = env.get(CONFIG_VARIABLE).filter(|path| !path.is_empty());
    given.config.as_deref().or_else(|| named.map(Path::new))
}

fn from_flags(
    setting: &'static Setting,
    given: &Given,
) -> Result<Option<(Value, Source)>, ConfigError> {
    let Some(texts) = given.settings.get(setting.name) else {
        return Ok(None);
    };
    let source = Source::Flag(setting.flag());
    let value = if setting.kind.is_list() {
        // One flag is one item: a path may contain a comma.
        let items = texts.iter().cloned().map(Value::String).collect();
        setting.kind.check(&Value::Array(items))
    } else {
        texts.last().and_then(|text| setting.kind.parse(text))
    };
    accept(setting, value, &texts.join(","), source).map(Some)
}

fn from_env(
    setting: &'static Setting,
    command: Command,
    env: &Env,
) -> Result<Option<(Value, Source)>, ConfigError> {
    let own = setting.variable();
    let serving: &[&str] =
        if reads_serving_env(command) { setting.aliases.serving_env } else { &[] };
    let names =
        [own.as_str()].into_iter().chain(serving.iter().chain(setting.aliases.env).copied());
    for name in names {
        // An empty variable is an unset one, as shells and container files have it.
        let Some(text) = env.get(name).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        let source = Source::Variable(name.to_owned());
        return accept(setting, setting.kind.parse(text), text, source).map(Some);
    }
    Ok(None)
}

fn from_tables(
    setting: &'static Setting,
    file: Option<&(Table, &Path)>,
    defaults: &Table,
) -> Result<Option<(Value, Source)>, ConfigError> {
    let in_file = file.and_then(|(table, path)| Some((table.get(setting.name)?, path)));
    let (value, source) = match (in_file, defaults.get(setting.name)) {
        (Some((value, path)), _) => (value, Source::File(path.to_path_buf())),
        (None, Some(value)) => (value, Source::Default),
        (None, None) => return Ok(None),
    };
    accept(setting, setting.kind.check(value), &value.to_string(), source).map(Some)
}

/// Pairs a value with its source, or says what was wrong with `text`.
fn accept(
    setting: &'static Setting,
    value: Option<Value>,
    text: &str,
    source: Source,
) -> Result<(Value, Source), ConfigError> {
    let Some(value) = value else {
        let shown = if setting.kind.is_secret() { HIDDEN } else { text };
        return Err(ConfigError::Invalid {
            name: setting.name,
            value: shown.to_owned(),
            source_of_value: source,
            expected: setting.kind.expected(),
        });
    };
    Ok((value, source))
}

fn parse_file(file: &File) -> Result<Table, ConfigError> {
    let table: Table = toml::from_str(&file.text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(file.text.len()));
        ConfigError::Parse {
            path: file.path.clone(),
            line: file.text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1,
            reason: error.message().to_owned(),
        }
    })?;
    if let Some(key) = table.keys().find(|key| find(key).is_none()) {
        return Err(ConfigError::UnknownKey { key: key.clone(), path: file.path.clone() });
    }
    Ok(table)
}

fn reads_serving_env(command: Command) -> bool {
    matches!(command, Command::Serve | Command::ConfigShow)
}

/// Reads the flags and variables of text-embeddings-inference that have no counterpart: notes
/// those without effect and returns the values that the others stand for.
fn read_foreign(
    command: Command,
    given: &Given,
    env: &Env,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<&'static str, (Value, Source)>, ConfigError> {
    let mut meant = BTreeMap::new();
    if !reads_serving_env(command) {
        return Ok(meant);
    }
    for foreign in FOREIGN {
        let by_flag = given.foreign.iter().any(|flag| flag.variable == foreign.variable);
        let by_env = env.get(foreign.variable).filter(|text| !text.trim().is_empty());
        let source = match (foreign.flag, by_env) {
            (Some(flag), _) if by_flag => Source::Flag(flag.to_owned()),
            (_, Some(_)) => Source::Variable(foreign.variable.to_owned()),
            _ => continue,
        };
        match foreign.fate {
            Fate::NoEffect(reason) => notes.push(format!("{source} has no effect: {reason}")),
            Fate::Refused(reason) => {
                return Err(ConfigError::Refused { given: source.to_string(), reason });
            }
            Fate::Means(name, value) => {
                if by_flag || is_on(foreign, by_env)? {
                    meant.insert(name, (Value::String(value.to_owned()), source));
                }
            }
            Fate::MeansFor { text, name, value } => {
                if by_env.is_some_and(|given| given.trim() == text) {
                    meant.insert(name, (Value::String(value.to_owned()), source));
                }
            }
        }
    }
    Ok(meant)
}

fn is_on(foreign: &'static Foreign, text: Option<&String>) -> Result<bool, ConfigError> {
    let text = text.map_or("", String::as_str);
    match Kind::Switch.parse(text) {
        Some(value) => Ok(value.as_bool() == Some(true)),
        None => Err(ConfigError::Invalid {
            name: foreign.variable,
            value: text.to_owned(),
            source_of_value: Source::Variable(foreign.variable.to_owned()),
            expected: Kind::Switch.expected(),
        }),
    }
}

/// Notes variables that look like ours and are not: a misspelt one would otherwise do nothing. Not
/// an error, since Kubernetes makes such names up for a service called `sembla`.
fn unknown_variables(env: &Env) -> Vec<String> {
    let known = |name: &str| {
        name == CONFIG_VARIABLE || SETTINGS.iter().any(|setting| setting.variable() == name)
    };
    env.keys()
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known(name))
        .map(|name| format!("variable {name} has no effect: no setting has this name"))
        .collect()
}
