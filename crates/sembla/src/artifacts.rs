//! Brings model archives to this machine, into a folder of the data directory, named by what is in them.

mod s3;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use artifact::{Limits, handler};
use async_trait::async_trait;
use server::{Artifact, UploadPlace};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

pub(crate) use self::s3::S3Config;
use self::s3::{Bucket, S3Error};
use crate::replicas::ModelFolders;

/// Below the data directory.
const FOLDER: &str = "artifacts";

/// The largest models of a CPU fit in here many times over; a disk is not filled by one request.
const LIMITS: Limits = Limits {
    max_archive_bytes: 32 << 30,
    max_bytes: 64 << 30,
    max_files: 10_000,
    max_path_bytes: 512,
    max_depth: 16,
    max_ratio: 100,
    ratio_floor_bytes: 64 << 20,
};

/// The longest handler. Longer ones do more than embed.
const MAX_HANDLER_BYTES: u64 = 1 << 20;

/// Brings archives from the disk, or from a store that speaks S3.
pub(crate) struct LocalArtifacts {
    dir: PathBuf,
    folders: ModelFolders,
    s3: Option<S3Config>,
    /// One at a time: two of the same would be written twice.
    turn: Mutex<()>,
}

/// An archive that was not brought.
#[derive(Debug, thiserror::Error)]
enum BringError {
    #[error(
        "`{url}` is no address of an archive; name s3://BUCKET/KEY, file:///PATH or a path, which ends in \
         model.tar.gz"
    )]
    Address { url: String },
    #[error(
        "`{url}` lies in a store that speaks S3, and none is named; start the server with --s3-endpoint URL"
    )]
    NoS3 { url: String },
    #[error(transparent)]
    S3(#[from] S3Error),
    #[error("the archive `{url}` cannot be read: {source}")]
    Read { url: String, source: io::Error },
    #[error("the archive `{url}` is refused: {reason}")]
    Unpack { url: String, reason: String },
    #[error("code/inference.py of `{url}` is refused: {reason}")]
    Handler { url: String, reason: String },
}

/// Where an archive lies.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    S3 { bucket: String, key: String },
}

impl Place {
    fn parse(url: &str) -> Result<Self, BringError> {
        let wrong = || BringError::Address { url: url.to_owned() };
        if let Some(rest) = url.strip_prefix("s3://") {
            let (bucket, key) = rest.split_once('/').ok_or_else(wrong)?;
            if bucket.is_empty() || key.is_empty() || key.ends_with('/') {
                return Err(wrong());
            }
            return Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() });
        }
        let path = url.strip_prefix("file://").unwrap_or(url);
        if path.starts_with('/') { Ok(Self::File(path.into())) } else { Err(wrong()) }
    }
}

impl LocalArtifacts {
    /// Keeps archives below a data directory. Unpacking that was cut off by the end of a process is removed.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub(crate) fn open(
        data_dir: &Path,
        folders: ModelFolders,
        s3: Option<S3Config>,
    ) -> io::Result<Self> {
        let dir = data_dir.join(FOLDER);
        fs_err::create_dir_all(&dir)?;
        for entry in fs_err::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(artifact::STAGING_PREFIX) {
                fs_err::remove_dir_all(entry.path())?;
            }
        }
        // What leads here must not change with the working folder.
        let dir = std::path::absolute(dir)?;
        Ok(Self { dir, folders, s3, turn: Mutex::default() })
    }

    /// Removes what none of these models lies in. Nothing may be brought meanwhile.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read or removed.
    pub(crate) fn remove_unused(&self, models: &[PathBuf]) -> io::Result<()> {
        for entry in fs_err::read_dir(&self.dir)? {
            let entry = entry?;
            // Its name says what is in it, by whichever path the data directory was reached before.
            let name = entry.file_name();
            let is_used = models.iter().any(|path| path.iter().any(|part| part == name));
            if !is_used {
                tracing::info!(folder = %entry.path().display(), "no endpoint uses this archive; it is removed");
                fs_err::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    async fn fetch(&self, url: &str) -> Result<Artifact, BringError> {
        let _turn = self.turn.lock().await;
        let (dir, url) = (self.dir.clone(), url.to_owned());
        match Place::parse(&url)? {
            Place::File(path) => blocking(move || unpack(&url, &path, &dir)).await,
            Place::S3 { bucket, key } => {
                let config = self.s3.as_ref().ok_or(BringError::NoS3 { url: url.clone() })?;
                // Removed with this, whatever becomes of it.
                let download =
                    tempfile::Builder::new().prefix(artifact::STAGING_PREFIX).tempdir_in(&dir);
                let download =
                    download.map_err(|source| BringError::Read { url: url.clone(), source })?;
                let path = download.path().join("archive");
                let bucket = Bucket::open(config, &bucket)?;
                bucket.download(&key, &path, LIMITS.max_archive_bytes).await?;
                blocking(move || {
                    let _download = download;
                    unpack(&url, &path, &dir)
                })
                .await
            }
        }
    }
}

#[async_trait]
impl server::Artifacts for LocalArtifacts {
    fn allow(&self, url: &str) -> Result<(), String> {
        match Place::parse(url).map_err(|err| err.to_string())? {
            Place::File(path) => {
                let named = path.display().to_string();
                self.folders.check(&named).map_err(|err| err.to_string())
            }
            Place::S3 { .. } if self.s3.is_none() => {
                Err(BringError::NoS3 { url: url.to_owned() }.to_string())
            }
            Place::S3 { .. } => Ok(()),
        }
    }

    async fn bring(&self, url: &str) -> Result<Artifact, String> {
        self.fetch(url).await.map_err(|err| err.to_string())
    }

    async fn upload_place(&self) -> Result<UploadPlace, String> {
        let Some(config) = &self.s3 else {
            let message = "uploads need a store that speaks S3, and none is named; start the server with \
                           --s3-endpoint URL";
            return Err(message.to_owned());
        };
        let place = config.upload_place();
        let bucket = Bucket::open(config, &place.bucket).map_err(|err| err.to_string())?;
        bucket.check().await.map_err(|err| err.to_string())?;
        Ok(place)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Unpacks an archive into a folder named by its content, if it is not there already.
fn unpack(url: &str, archive: &Path, dir: &Path) -> Result<Artifact, BringError> {
    let read = |source| BringError::Read { url: url.to_owned(), source };
    let hash = sha256_of(archive).map_err(read)?;
    let folder = dir.join(hash);
    if !folder.exists() {
        let unpacked = artifact::unpack_file(archive, &folder, &LIMITS);
        unpacked.map_err(|err| BringError::Unpack {
            url: url.to_owned(),
            reason: format!("{:#}", anyhow::Error::new(err)),
        })?;
    }
    let root = root(&folder).map_err(read)?;
    let lacks = |err| BringError::Unpack {
        url: url.to_owned(),
        reason: format!("{:#}", anyhow::Error::new(err)),
    };
    artifact::PackageRoot::check(&root).map_err(lacks)?;
    let reply_key = match handler_of(&root).map_err(read)? {
        None => None,
        Some(text) => {
            let refused = |err| BringError::Handler {
                url: url.to_owned(),
                reason: format!("{:#}", anyhow::Error::new(err)),
            };
            handler::read(&text).map_err(refused)?.reply_key
        }
    };
    Ok(Artifact { dir: root, reply_key })
}

/// Returns where the model's files are: people also pack the folder itself.
fn root(folder: &Path) -> io::Result<PathBuf> {
    let entries = fs_err::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    match entries.as_slice() {
        [only] if only.file_type()?.is_dir() => Ok(only.path()),
        _ => Ok(folder.to_owned()),
    }
}

fn handler_of(root: &Path) -> io::Result<Option<String>> {
    let path = root.join(handler::HANDLER_PATH);
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err),
    };
    let mut text = String::new();
    file.take(MAX_HANDLER_BYTES + 1).read_to_string(&mut text)?;
    Ok(Some(text))
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let num_bytes = file.read(&mut buffer)?;
        if num_bytes == 0 {
            break;
        }
        hash.update(&buffer[..num_bytes]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_model_lies_in_is_removed() {
        let data_dir = tempfile::tempdir().unwrap();
        let folders = ModelFolders::new(&[]).unwrap();
        let artifacts = LocalArtifacts::open(data_dir.path(), folders, None).unwrap();
        for folder in ["a1", "b2/model", "c3"] {
            fs_err::create_dir_all(artifacts.dir.join(folder)).unwrap();
        }
        // By another path than that of today.
        let models = ["/elsewhere/artifacts/a1", "/elsewhere/artifacts/b2/model", "org/c3x"];
        artifacts.remove_unused(&models.map(PathBuf::from)).unwrap();
        let left = ["a1", "b2", "c3"].map(|folder| artifacts.dir.join(folder).exists());
        assert_eq!(left, [true, true, false]);
    }

    #[test]
    fn an_archive_lies_on_the_disk_or_in_a_store() {
        let s3 = |bucket: &str, key: &str| Place::S3 { bucket: bucket.into(), key: key.into() };
        assert_eq!(Place::parse("s3://b/a/model.tar.gz").unwrap(), s3("b", "a/model.tar.gz"));
        assert_eq!(Place::parse("/a/model.tar.gz").unwrap(), Place::File("/a/model.tar.gz".into()));
        assert_eq!(Place::parse("file:///a/m").unwrap(), Place::File("/a/m".into()));
        for url in
            ["", "s3://", "s3://b", "s3://b/", "s3://b/folder/", "a/m", "file://a", "https://a/b"]
        {
            assert!(Place::parse(url).is_err(), "{url}");
        }
    }
}
