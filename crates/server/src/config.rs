//! What the operator decides about the server. `sembla` reads the settings and knows the defaults.

use std::time::Duration;

use axum::http::HeaderValue;

use crate::Secret;
use crate::aws::AccessKey;

/// Settings of the whole server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The most bytes of one request's body. The only bound on the number of inputs.
    pub payload_limit: usize,
    /// Keys that clients may send; none for an open server.
    pub api_keys: Vec<Secret>,
    /// Keys with which AWS's clients sign their requests; none for accepting any signature where no other key
    /// is needed.
    pub aws_access_keys: Vec<AccessKey>,
    /// Web pages that a browser lets read the answers.
    pub cors_allow_origin: AllowedOrigins,
    /// What `POST /` and `/invocations` are for.
    pub root_task: RootTask,
    /// Whether `/v1/embeddings` takes token ids.
    pub openai_token_ids: TokenIds,
    /// Where clients reach this server, such as `https://vectors.example.com`, if it is another
    /// address than the one that they send a request to.
    pub public_url: Option<String>,
    /// Threads that compute. As many requests at once may be read, tokenized or written.
    pub num_threads: usize,
    /// Bounds of connections.
    pub connections: ConnectionLimits,
}

/// Bounds of connections, so that no number of slow clients can use the server up.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at once; further ones wait in the listener's backlog.
    pub max_connections: usize,
    /// The most bytes of a request's line and headers.
    pub max_header_bytes: usize,
    /// From connecting, or from the last answer, to the end of the next request's headers.
    pub header_read_timeout: Duration,
    /// For a body, to which a second is added for each 16 KiB that have come.
    pub body_read_timeout: Duration,
    /// A client that takes nothing of its answer for so long is cut off.
    pub write_timeout: Duration,
}

/// Web pages that a browser lets read the answers.
#[derive(Debug, Clone)]
pub enum AllowedOrigins {
    /// All.
    Any,
    /// Those of these origins, such as `https://example.com`.
    List(Vec<HeaderValue>),
}

/// What `POST /` and `/invocations` are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootTask {
    /// The shape of `inputs` says it.
    ByShape,
    /// Similarity alone, as text-embeddings-inference with `TASK=sentence-similarity`.
    Similarity,
}

/// Whether a route takes token ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenIds {
    /// They are refused: OpenAI's clients send the ids of another vocabulary.
    Refuse,
    /// They are used as they are.
    Accept,
}

/// What the operator decides about one served model.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Chooses it in a path and in a `model` field: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Further names for a `model` field, such as a Hub id.
    pub aliases: Vec<String>,
    /// What it was loaded from: a Hub id or a directory.
    pub model_id: String,
    /// The revision, if it is known.
    pub revision: Option<String>,
    /// Whether an input that is too long is cut where the request does not say.
    pub auto_truncate: bool,
}
