//! A file that is being loaded, and may have been begun by an earlier process.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::hub::{Hasher, HubError, RemoteFile};
use super::whole::create_parent;

/// The part of a file that is there, with its checksum so far.
pub(crate) struct Partial {
    file: fs_err::File,
    hasher: Hasher,
    /// How many bytes are there.
    pub(crate) num_bytes: u64,
}

impl Partial {
    /// Opens what an earlier try left, and reads it once for its checksum.
    pub(crate) fn open(path: &Path, remote: &RemoteFile) -> Result<Self, HubError> {
        create_parent(path)?;
        let mut options = fs_err::OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(path);
        let mut partial = Self {
            file: file.map_err(HubError::Write)?,
            hasher: remote.digest.hasher(remote.num_bytes),
            num_bytes: 0,
        };
        let mut buffer = vec![0; 1 << 16];
        loop {
            let num_bytes = partial.file.read(&mut buffer).map_err(HubError::Write)?;
            if num_bytes == 0 {
                break;
            }
            partial.hasher.update(&buffer[..num_bytes]);
            partial.num_bytes += num_bytes as u64;
        }
        if partial.num_bytes > remote.num_bytes {
            // Longer than the whole: nothing of it can be trusted.
            partial.restart(remote)?;
        }
        Ok(partial)
    }

    /// Adds the next bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(HubError::Write)?;
        self.hasher.update(bytes);
        self.num_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all bytes.
    pub(crate) fn restart(&mut self, remote: &RemoteFile) -> Result<(), HubError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(HubError::Write)?;
        self.hasher = remote.digest.hasher(remote.num_bytes);
        self.num_bytes = 0;
        Ok(())
    }

    /// Compares the checksum, and makes sure that the bytes are on the disk.
    pub(crate) fn verify(&self, remote: &RemoteFile) -> Result<(), HubError> {
        let got = self.hasher.clone().finish();
        if self.num_bytes != remote.num_bytes || got != remote.digest {
            return Err(HubError::Checksum {
                url: remote.url.clone(),
                expected: remote.digest.clone(),
                got,
            });
        }
        self.file.sync_all().map_err(HubError::Write)
    }
}
