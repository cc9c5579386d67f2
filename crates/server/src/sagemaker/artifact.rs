//! Where models come from that are no repositories.

use std::fmt;
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

    /// Returns a place of the store to which a client may upload, which has been looked at.
    ///
    /// # Errors
    ///
    /// Why there is none, with the remedy.
    async fn upload_place(&self) -> Result<UploadPlace, String>;
}

/// A bucket of a store that speaks S3, and with what it can be written.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadPlace {
    /// The address of the store.
    pub endpoint: String,
    /// What requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// The id of an access key.
    pub key_id: String,
    /// Its secret. `Debug` does not show it, nor the token.
    pub key_secret: String,
    /// What comes with temporary keys.
    pub token: Option<String>,
}

impl fmt::Debug for UploadPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, bucket, .. } = self;
        let mut shown = formatter.debug_struct("UploadPlace");
        shown.field("endpoint", endpoint).field("bucket", bucket).finish_non_exhaustive()
    }
}

/// Brings nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoArtifacts;

const NO_STORE: &str = "this server has no store for uploads; start it with --s3-endpoint URL";
const NONE: &str = "this server takes no archives; name a model of the Hub with HF_MODEL_ID";

#[async_trait]
impl Artifacts for NoArtifacts {
    fn allow(&self, _: &str) -> Result<(), String> {
        Err(NONE.to_owned())
    }

    async fn bring(&self, _: &str) -> Result<Artifact, String> {
        Err(NONE.to_owned())
    }

    async fn upload_place(&self) -> Result<UploadPlace, String> {
        Err(NO_STORE.to_owned())
    }
}
