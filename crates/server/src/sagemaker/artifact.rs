//! Where models come from that are no repositories.

use std::path::PathBuf;

use async_trait::async_trait;

/// A model that was brought to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The folder that it is in.
    pub dir: PathBuf,
    /// The field of an object in which its handler answers embeddings, if it has a handler that says so.
    pub reply_key: Option<String>,
}

/// Brings models to this machine: from a path, a `file://` URL or a store that speaks S3.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Returns whether a client may name this place. Nothing is read.
    ///
    /// # Errors
    ///
    /// Why not, with the remedy.
    fn allow(&self, url: &str) -> Result<(), String>;

    /// Brings the model of an archive here. What is here already is not brought again.
    ///
    /// # Errors
    ///
    /// Why there is none, with the remedy.
    async fn bring(&self, url: &str) -> Result<Artifact, String>;
}

/// Brings nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoArtifacts;

const NONE: &str = "this server takes no archives; name a model of the Hub with HF_MODEL_ID";

#[async_trait]
impl Artifacts for NoArtifacts {
    fn allow(&self, _: &str) -> Result<(), String> {
        Err(NONE.to_owned())
    }

    async fn bring(&self, _: &str) -> Result<Artifact, String> {
        Err(NONE.to_owned())
    }
}
