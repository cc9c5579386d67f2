//! Why a file is no Truss, or a Truss no endpoint.

use std::path::PathBuf;

use crate::document::MAX_BYTES;

/// A file that cannot be taken for a Truss.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A folder without the one file that is looked at.
    #[error("there is no config.yaml in {}; name the folder of a Truss, or its config.yaml", .folder.display())]
    NoConfig {
        /// Which folder.
        folder: PathBuf,
    },
    /// More bytes than any config.yaml has.
    #[error("{} is over {} MiB; a config.yaml is a few kilobytes", .path.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// Not YAML, or more of it than its bytes let expect.
    #[error("{} cannot be read as YAML: {problem}", .path.display())]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// YAML, but not one mapping.
    #[error("{} is not the config.yaml of a Truss: it holds {found}, not keys with values", .path.display())]
    NoMapping {
        /// Which file.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
}

/// A Truss of which no endpoint can be made. Messages show no values that may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A value of the wrong type.
    #[error("{path} must be {expected}, and is {found}")]
    WrongType {
        /// The path of its key.
        path: String,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A value of the right type that cannot be.
    #[error("{path} is `{value}`; it must be {allowed}")]
    BadValue {
        /// The path of its key, or the flag.
        path: String,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A Truss for another server.
    #[error(
        "this Truss {what}; what becomes an endpoint here is one with a docker_server whose start_command \
         runs text-embeddings-router"
    )]
    OtherServer {
        /// What it runs, as the rest of "this Truss".
        what: String,
    },
    /// A route that is not answered.
    #[error(
        "docker_server.predict_endpoint is {route}, and no {kind} is served here yet; an embedding model \
         has /v1/embeddings or /embed"
    )]
    NotServed {
        /// The route.
        route: String,
        /// What kind of model answers there.
        kind: &'static str,
    },
    /// A start command whose meaning cannot be told.
    #[error("docker_server.start_command {problem}")]
    Command {
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// Which model is meant cannot be told.
    #[error("{problem}; say which model it is with --model")]
    NoModel {
        /// Why not.
        problem: String,
    },
    /// Nothing to call it by.
    #[error("{problem}; say what to call the endpoint with --name")]
    NoName {
        /// Why not.
        problem: &'static str,
    },
}
