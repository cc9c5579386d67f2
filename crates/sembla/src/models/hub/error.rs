//! Why the Hub did not give a model.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::models::hub::Digest;
use crate::models::reference::HubId;

/// A model that could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    /// No connection, or it broke off more often than it may.
    #[error("failed to reach {url}")]
    Unreachable { url: String, source: Box<ureq::Error> },

    /// The server is not who it says it is, or its authority is not known here.
    #[error(
        "the certificate of {url} is not trusted; a company's own authority goes into a file that \
         hub_ca_file (or SSL_CERT_FILE) names"
    )]
    Untrusted { url: String, source: Box<ureq::Error> },

    /// The server took the request and then said nothing.
    #[error(
        "{url} sent nothing for {:?}, as long as hub_idle_timeout allows", .limit
    )]
    Silent { url: String, limit: Duration },

    /// The body broke off more often than it may.
    #[error("the download of {url} broke off at byte {offset}")]
    BrokenOff { url: String, offset: u64, source: io::Error },

    /// The Hub does not know the repository, or hides it.
    #[error("{endpoint} has no model `{id}` that may be read; {}", access_hint(*.has_token))]
    NoRepository { endpoint: String, id: HubId, has_token: bool },

    /// The repository has no such branch, tag or commit.
    #[error("the model `{id}` at {endpoint} has no revision `{revision}`")]
    NoRevision { endpoint: String, id: HubId, revision: String },

    /// The repository's owner wants to be asked first.
    #[error(
        "the model `{id}` is gated: accept its terms at {endpoint}/{id} with the account whose \
         token is sent{}", if *.has_token { "" } else { "; set it with HF_TOKEN, or log in with `hf auth login`" }
    )]
    Gated { endpoint: String, id: HubId, has_token: bool },

    /// Any other answer that is not a success.
    #[error("{url} answered {status}{}", message_of(.message))]
    Status { url: String, status: u16, message: String },

    /// An answer without what the layout of the cache needs.
    #[error("{url} answered without {lacking}; is it a Hub?")]
    Malformed { url: String, lacking: &'static str },

    /// The bytes are not those that the Hub announced.
    #[error("{url} gave a file with the checksum {got}, expected {expected}; try again")]
    Checksum { url: String, expected: Digest, got: Digest },

    /// The repository is of something else, or holds weights in another format.
    #[error(
        "the model `{id}` lacks {}; only models with safetensors weights and a tokenizer.json can \
         be loaded", .lacking.join(" and ")
    )]
    NotAnEncoder { id: HubId, lacking: Vec<String> },

    /// What its modules are cannot be read.
    #[error("failed to parse modules.json of the model `{id}`")]
    Modules { id: HubId, source: serde_json::Error },

    /// The cache cannot be written. The source names the file.
    #[error("failed to write to the cache of models")]
    Write(#[source] io::Error),

    /// The file of certificate authorities cannot be used.
    #[error("failed to use `hub_ca_file`, {}", .path.display())]
    CaFile { path: PathBuf, source: io::Error },
}

impl HubError {
    /// Returns whether the same request could succeed a moment later.
    pub(crate) fn is_retryable(&self) -> bool {
        // No wildcard: a new variant must decide.
        match self {
            Self::Unreachable { source, .. } => is_passing(source),
            Self::Silent { .. } | Self::BrokenOff { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Untrusted { .. }
            | Self::NoRepository { .. }
            | Self::NoRevision { .. }
            | Self::Gated { .. }
            | Self::Malformed { .. }
            | Self::Checksum { .. }
            | Self::NotAnEncoder { .. }
            | Self::Modules { .. }
            | Self::Write(_)
            | Self::CaFile { .. } => false,
        }
    }
}

/// Whether a failure on the way may pass by itself.
fn is_passing(err: &ureq::Error) -> bool {
    matches!(
        err,
        ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound
            | ureq::Error::Protocol(_)
    )
}

fn access_hint(has_token: bool) -> &'static str {
    if has_token {
        "the token that was sent may lack access to it"
    } else {
        "if it is private or gated, set HF_TOKEN, or log in with `hf auth login`"
    }
}

fn message_of(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
