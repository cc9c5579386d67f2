//! The configuration: layers of raw settings, checked once, handed on as one small struct per part.
//!
//! `arguments > environment > file > config/default.toml` → [`Layers`] (raw values with their
//! sources) → [`Config`] (checked, units as types). Nothing outside this module and `main` reads
//! the environment, and nothing reads a default from anywhere but `config/default.toml`.

mod defaults;
#[cfg(test)]
mod docs;
mod endpoints;
mod error;
mod folders;
mod kind;
mod layers;
mod parts;
mod secret;
mod show;
mod table;
mod tei;
#[cfg(test)]
mod tests;

pub(crate) use defaults::{default_table, default_text};
pub(crate) use endpoints::ReplicaMemory;
pub(crate) use error::ConfigError;
pub(crate) use kind::Kind;
pub(crate) use layers::{Env, Given, Layers};
pub(crate) use parts::{Config, HubConfig, LogConfig, LogFormat, RootTask, pooling_named};
pub(crate) use secret::{HIDDEN, Secret};
pub(crate) use show::render;
pub(crate) use table::{Command, Group, Level, SETTINGS, Setting};
pub(crate) use tei::FOREIGN;

use layers::File;

/// Reads the file, if one is named, and checks every layer.
///
/// # Errors
///
/// [`ConfigError`] if the file cannot be read or a setting in any layer is not allowed.
pub(crate) fn load(
    command: Command,
    given: &Given,
    env: &Env,
) -> Result<(Config, Layers), ConfigError> {
    let file = match layers::file_path(given, env) {
        Some(path) => {
            let text = fs_err::read_to_string(path).map_err(ConfigError::Read)?;
            Some(File { path: path.to_path_buf(), text })
        }
        None => None,
    };
    check(command, given, env, file.as_ref())
}

/// Checks every layer. Pure.
fn check(
    command: Command,
    given: &Given,
    env: &Env,
    file: Option<&File>,
) -> Result<(Config, Layers), ConfigError> {
    let layers = layers::resolve(command, given, env, file)?;
    let config = Config::from_layers(&layers, env)?;
    Ok((config, layers))
}
