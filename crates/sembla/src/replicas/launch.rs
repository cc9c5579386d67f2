//! What a replica is started with: its arguments and its environment, and nothing of ours beyond them.
//!
//! Pure but for the look at the file system that tells a directory from a Hub id.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use endpoints::Spec;
use tokio::process::Command;

use crate::config::{self, Env, FOREIGN, Given, HubConfig, SETTINGS, Secret};
use crate::models::reference::{ModelRef, RefError};

/// What all replicas of this process are started with.
#[derive(Debug, Clone)]
pub(crate) struct LaunchConfig {
    pub(crate) program: Program,
    /// The environment of this process; a replica gets a few variables of it.
    pub(crate) env: Env,
    pub(crate) hub: HubConfig,
    /// Compute threads of a replica.
    pub(crate) threads: NonZeroUsize,
    /// The bounds of an engine, where the spec leaves them open.
    pub(crate) engine: engine::EngineConfig,
    pub(crate) payload_limit_bytes: usize,
    pub(crate) body_read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// How long a replica that is told to stop finishes what it has.
    pub(crate) drain_limit: Duration,
}

/// What is run as a replica.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    /// What stands before the arguments of a replica.
    first_args: Vec<String>,
}

/// A spec whose settings no replica would start with.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    /// What it calls a model is none.
    #[error(transparent)]
    Model(#[from] RefError),
    /// A variable of its image has a value that is not allowed.
    #[error(transparent)]
    Setting(#[from] config::ConfigError),
}

/// Settings with their values, as flags have them.
type Flags = Vec<(&'static str, String)>;

/// Variables of this process that a replica needs to find folders, the Hub and its way there.
const INHERITED: &[&str] = &[
    "HOME",
    "PATH",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "HF_HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
    "RUST_BACKTRACE",
];

/// Settings that the variables of an image may decide. The others belong to whoever runs the server: where
/// it listens, which files it reads, whom it sends its token to.
const FOR_IMAGES: &[&str] = &[
    "revision",
    "served_model_name",
    "pooling",
    "default_prompt_name",
    "default_prompt",
    "auto_truncate",
    "dtype",
    "max_batch_tokens",
    "max_batch_requests",
    "max_concurrent_requests",
    "payload_limit",
    "hub_token",
];

impl Program {
    /// Returns the program that runs now, even if another has taken its place on the disk since.
    ///
    /// # Errors
    ///
    /// If the system does not say which it is.
    pub(crate) fn this() -> std::io::Result<Self> {
        let path = if cfg!(target_os = "linux") {
            // In the child this leads to the file that it was copied from, whatever it is called now.
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Self { path, first_args: Vec::new() })
    }

    /// Runs another program, with these arguments before those of a replica.
    #[cfg(test)]
    pub(super) fn for_tests(path: PathBuf, first_args: Vec<String>) -> Self {
        Self { path, first_args }
    }
}

impl LaunchConfig {
    /// Returns the command of a replica that listens on a socket.
    pub(super) fn command(&self, spec: &Spec, socket: &Path) -> Result<Command, LaunchError> {
        let mut command = Command::new(&self.program.path);
        command.arg0("sembla").args(&self.program.first_args).arg("serve");
        for (name, value) in self.flags(spec)? {
            command.arg(format!("--{}={value}", name.replace('_', "-")));
        }
        command.args(["--inference-only=true", "--exit-with-owner", "--socket"]).arg(socket);
        command.env_clear().envs(self.environment(spec));
        Ok(command)
    }

    /// Checks the settings of a spec as a replica would at its start.
    pub(super) fn check(&self, spec: &Spec) -> Result<(), LaunchError> {
        let flags = self.flags(spec)?.into_iter();
        let settings = flags.map(|(name, value)| (name, vec![value])).collect();
        let given = Given { settings, ..Given::default() };
        config::load(config::Command::Serve, &given, &self.environment(spec))?;
        Ok(())
    }

    /// Returns the model of a spec, with its revision.
    pub(super) fn reference(spec: &Spec) -> Result<ModelRef, LaunchError> {
        let reference = ModelRef::parse_anywhere(spec.source())?;
        // The revision is one of the repository, and says nothing of a model that a variable names.
        let is_repository = spec.source() == spec.model.repository();
        let revision = spec.model.revision.as_deref().filter(|_| is_repository);
        let revision = revision.or_else(|| variable(spec, "REVISION"));
        Ok(reference.with_revision(revision)?)
    }

    /// Returns how a replica reaches the Hub: as this process does, unless the spec has a token.
    pub(super) fn hub(&self, spec: &Spec) -> HubConfig {
        let names = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN"];
        let token = names.iter().find_map(|name| variable(spec, name));
        let mut hub = self.hub.clone();
        if let Some(token) = token {
            hub.token = Some(Secret::new(token.to_owned()));
        }
        hub
    }

    fn flags(&self, spec: &Spec) -> Result<Flags, LaunchError> {
        let reference = Self::reference(spec)?;
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        let engine = &self.engine;
        let batch = spec.settings.max_batch_tokens.map(|n| n.get() as usize);
        let batch = batch.unwrap_or(engine.max_batch_tokens);
        let requests = spec.settings.max_concurrent_requests.map(|n| n.get() as usize);
        let mut flags = vec![
            // Its revision has a flag of its own.
            ("model", reference.spelled_anywhere()),
            ("threads", self.threads.to_string()),
            ("max_batch_tokens", batch.to_string()),
            // A queue must have room for a batch.
            ("max_queue_tokens", engine.max_queue_tokens.max(batch).to_string()),
            (
                "max_concurrent_requests",
                requests.unwrap_or(engine.max_concurrent_requests).to_string(),
            ),
            ("body_read_timeout", seconds(self.body_read_timeout)),
            ("write_timeout", seconds(self.write_timeout)),
            ("drain_limit", seconds(self.drain_limit)),
            ("log_level", "info".to_owned()),
        ];
        if variable(spec, "PAYLOAD_LIMIT").is_none() {
            flags.push(("payload_limit", self.payload_limit_bytes.to_string()));
        }
        if let Some(revision) = reference.revision() {
            flags.push(("revision", revision.to_owned()));
        }
        Ok(flags)
    }

    fn environment(&self, spec: &Spec) -> Env {
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.env.get(*name)?.clone())));
        let mut environment: Env = inherited.collect();
        let of_image = spec.image.variables.0.iter().filter(|(name, _)| is_for_images(name));
        environment.extend(of_image.map(|(name, value)| (name.clone(), value.clone())));
        environment.extend(hub_variables(&self.hub(spec)));
        environment
    }
}

fn variable<'a>(spec: &'a Spec, name: &str) -> Option<&'a str> {
    let value = spec.image.variables.0.get(name)?;
    Some(value.as_str()).filter(|value| !value.trim().is_empty())
}

fn is_for_images(variable: &str) -> bool {
    let mut settings = SETTINGS.iter().filter(|setting| FOR_IMAGES.contains(&setting.name));
    settings.any(|setting| {
        setting.aliases.serving_env.contains(&variable) || setting.aliases.env.contains(&variable)
    }) || FOREIGN.iter().any(|foreign| foreign.variable == variable)
}

/// Returns the settings of the Hub as variables: a token in an argument could be read by every user of
/// the machine.
fn hub_variables(hub: &HubConfig) -> Vec<(String, String)> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let seconds = |duration: Duration| Some(duration.as_secs_f64().to_string());
    let variables = [
        ("SEMBLA_HUB_ENDPOINT", Some(hub.endpoint.clone())),
        ("SEMBLA_HUB_CACHE", path(&hub.cache_dir)),
        ("SEMBLA_HUB_TOKEN", hub.token.as_ref().map(|token| token.reveal().to_owned())),
        ("SEMBLA_HUB_TOKEN_PATH", path(&hub.token_path)),
        ("SEMBLA_HUB_CA_FILE", path(&hub.ca_file)),
        ("SEMBLA_HUB_CONNECT_TIMEOUT", seconds(hub.connect_timeout)),
        ("SEMBLA_HUB_IDLE_TIMEOUT", seconds(hub.idle_timeout)),
        ("SEMBLA_HUB_RETRIES", Some(hub.num_retries.to_string())),
        ("SEMBLA_OFFLINE", Some(hub.offline.to_string())),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests;
