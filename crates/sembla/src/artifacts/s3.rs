//! A store that speaks S3, at an address of the operator's.

use std::io;
use std::path::Path;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore as _, ObjectStoreExt as _, path};
use server::UploadPlace;
use tokio::io::AsyncWriteExt as _;

use crate::config::{Env, Secret};

/// How a store is reached.
#[derive(Debug, Clone)]
pub(crate) struct S3Config {
    endpoint: String,
    region: String,
    /// Where clients upload to.
    upload_bucket: String,
    /// The id and the secret of an access key, and what comes with temporary ones.
    key: Option<(String, Secret)>,
    token: Option<Secret>,
}

/// Clients need something to sign with.
const NO_KEY: &str = "none";

/// What a store did not give.
#[derive(Debug, thiserror::Error)]
pub(super) enum S3Error {
    #[error("s3://{bucket}/{key} cannot be read at {endpoint}: {}", why(.source))]
    Store { bucket: String, key: String, endpoint: String, source: Box<object_store::Error> },
    #[error(
        "s3://{bucket}/{key} has {num_bytes} bytes, and an archive may have {limit}; leave out what the model does not need"
    )]
    TooLarge { bucket: String, key: String, num_bytes: u64, limit: u64 },
    #[error(
        "there is no bucket `{bucket}` in the store at {endpoint}, or the key may not read it; create it, as with \
         `aws s3 mb s3://{bucket}`, or name another one with --s3-bucket"
    )]
    NoBucket { bucket: String, endpoint: String },
    #[error("s3://{bucket}/{key} cannot be kept: {source}; make room in the data directory")]
    Write { bucket: String, key: String, source: io::Error },
}

/// Says what a store's answer means. Its own words may be a whole document.
fn why(error: &object_store::Error) -> String {
    use object_store::Error;

    if matches!(error, Error::NotFound { .. }) {
        return "there is no such object, or no such bucket".to_owned();
    }
    if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) {
        let remedy = "the store refuses; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with a key that may \
                      read it, in the server's environment";
        return remedy.to_owned();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.split(": <?xml").next().unwrap_or_default().to_owned()
}

/// One bucket of a store.
pub(super) struct Bucket {
    store: AmazonS3,
    name: String,
    endpoint: String,
}

impl S3Config {
    /// Takes the address, and the variables that AWS's clients read.
    pub(crate) fn new(endpoint: &str, upload_bucket: &str, env: &Env) -> Self {
        let variable = |name: &str| env.get(name).filter(|value| !value.is_empty()).cloned();
        let id = variable("AWS_ACCESS_KEY_ID");
        let secret = variable("AWS_SECRET_ACCESS_KEY").map(Secret::new);
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            upload_bucket: upload_bucket.to_owned(),
            key: id.zip(secret),
            token: variable("AWS_SESSION_TOKEN").map(Secret::new),
        }
    }

    /// Returns where clients upload to, and with what: the server's own key. A store that asks for none takes any.
    pub(super) fn upload_place(&self) -> UploadPlace {
        let (key_id, key_secret) = match &self.key {
            Some((id, secret)) => (id.clone(), secret.reveal().to_owned()),
            None => (NO_KEY.to_owned(), NO_KEY.to_owned()),
        };
        UploadPlace {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            bucket: self.upload_bucket.clone(),
            key_id,
            key_secret,
            token: self.token.as_ref().map(|token| token.reveal().to_owned()),
        }
    }
}

impl Bucket {
    pub(super) fn open(config: &S3Config, name: &str) -> Result<Self, S3Error> {
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(&config.endpoint)
            .with_region(&config.region)
            .with_bucket_name(name)
            // The operator has named the address, and may have it on this machine.
            .with_allow_http(config.endpoint.starts_with("http://"))
            .with_virtual_hosted_style_request(false);
        builder = match &config.key {
            Some((id, secret)) => {
                builder.with_access_key_id(id).with_secret_access_key(secret.reveal())
            }
            None => builder.with_skip_signature(true),
        };
        if let Some(token) = &config.token {
            builder = builder.with_token(token.reveal());
        }
        let endpoint = config.endpoint.clone();
        let failed = |source| S3Error::Store {
            bucket: name.to_owned(),
            key: String::new(),
            endpoint: endpoint.clone(),
            source: Box::new(source),
        };
        let store = builder.build().map_err(failed)?;
        Ok(Self { store, name: name.to_owned(), endpoint })
    }

    /// Checks that the bucket is there.
    pub(super) async fn check(&self) -> Result<(), S3Error> {
        // What nobody has uploaded: a store answers otherwise where the bucket is missing.
        let prefix = path::Path::from("sembla-looks-for-the-bucket");
        let mut listed = self.store.list(Some(&prefix));
        match std::future::poll_fn(|context| listed.as_mut().poll_next(context)).await {
            None | Some(Ok(_)) => Ok(()),
            // The library has no kind of error for it.
            Some(Err(err)) if format!("{err:?}").contains("NoSuchBucket") => {
                let (bucket, endpoint) = (self.name.clone(), self.endpoint.clone());
                Err(S3Error::NoBucket { bucket, endpoint })
            }
            Some(Err(source)) => Err(S3Error::Store {
                bucket: self.name.clone(),
                key: String::new(),
                endpoint: self.endpoint.clone(),
                source: Box::new(source),
            }),
        }
    }

    /// Writes an object to a file, a piece at a time.
    pub(super) async fn download(&self, key: &str, to: &Path, limit: u64) -> Result<(), S3Error> {
        let (bucket, named) = (self.name.clone(), key.to_owned());
        let endpoint = self.endpoint.clone();
        let failed = |source| S3Error::Store {
            bucket: bucket.clone(),
            key: named.clone(),
            endpoint: endpoint.clone(),
            source: Box::new(source),
        };
        let unwritten =
            |source| S3Error::Write { bucket: bucket.clone(), key: named.clone(), source };
        let found = self.store.get(&path::Path::from(key)).await.map_err(failed)?;
        let num_bytes = found.meta.size;
        if num_bytes > limit {
            let (bucket, key) = (bucket.clone(), named.clone());
            return Err(S3Error::TooLarge { bucket, key, num_bytes, limit });
        }
        let file = tokio::fs::File::create(to).await.map_err(unwritten)?;
        let mut file = tokio::io::BufWriter::new(file);
        let mut pieces = found.into_stream();
        while let Some(piece) =
            std::future::poll_fn(|context| pieces.as_mut().poll_next(context)).await
        {
            file.write_all(&piece.map_err(failed)?).await.map_err(unwritten)?;
        }
        file.flush().await.map_err(unwritten)
    }
}
