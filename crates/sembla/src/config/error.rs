//! Why the settings do not make a configuration.

use std::io;
use std::path::PathBuf;

use super::layers::Source;

/// Settings with which nothing may start. Each message names the setting, its value, where it came
/// from and what is allowed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A value outside the allowed ones.
    #[error("`{name}` is `{value}` ({source_of_value}), expected {expected}{}", hint(.value))]
    Invalid { name: &'static str, value: String, source_of_value: Source, expected: String },

    /// A key of the file that no setting has.
    #[error(
        "the key `{key}` in {} is not a setting; `sembla config show` lists the settings",
        .path.display()
    )]
    UnknownKey { key: String, path: PathBuf },

    /// The file that was asked for cannot be read.
    #[error("failed to read the configuration")]
    Read(#[source] io::Error),

    /// The file is not TOML. The line is not shown: it may be the one with the key.
    #[error("failed to parse the configuration file {} at line {line}: {reason}", .path.display())]
    Parse { path: PathBuf, line: usize, reason: String },

    /// Two settings that contradict each other.
    #[error("`{first}` and `{second}` are both set ({first_source}, {second_source}); set one")]
    Exclusive {
        first: &'static str,
        first_source: Source,
        second: &'static str,
        second_source: Source,
    },

    /// A setting that only makes sense with one model.
    #[error(
        "`{name}` is set ({source_of_value}) with {num_models} models; write {instead} instead"
    )]
    OneModelOnly {
        name: &'static str,
        source_of_value: Source,
        num_models: usize,
        instead: &'static str,
    },

    /// A queue in which not even one batch has room.
    #[error(
        "`max_queue_tokens` is {max_queue_tokens} ({source_of_value}), expected at least \
         `max_batch_tokens`, which is {max_batch_tokens}"
    )]
    QueueTooSmall { max_queue_tokens: u64, max_batch_tokens: u64, source_of_value: Source },

    /// A flag or variable of text-embeddings-inference whose loss would change embeddings.
    #[error("{given} is not supported: {reason}")]
    Refused { given: String, reason: &'static str },
}

/// Says where a puzzling value may come from.
fn hint(value: &str) -> &'static str {
    if value.starts_with("tcp://") {
        return "; Kubernetes sets such a variable for a service of the same name: rename the \
                service, or set enableServiceLinks: false in the pod";
    }
    ""
}
