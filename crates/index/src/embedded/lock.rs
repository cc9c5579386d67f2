//! One process owns a data directory: a lock of the operating system, which dies with the process.

use std::fs::TryLockError;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

use fs_err::{File, OpenOptions};

use crate::error::StoreError;

/// The file that is locked. It names the process that has it and stays behind unlocked.
const FILE: &str = "owner.lock";

/// A data directory that is this process's as long as this value lives.
#[derive(Debug)]
pub(super) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if another process, or another store in this one, has it.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let io = |source| StoreError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path: dir.to_owned(), pid: pid_in(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// Returns who has a directory, with the process if it said so; `None` if nobody has, or it is none.
pub(super) fn holder(dir: &Path) -> Result<Option<Option<u32>>, StoreError> {
    let path = dir.join(FILE);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    // Shared, and let go at once: whoever opens the directory at this moment tries again.
    match file.file().try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(pid_in(&mut file))),
        Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
    }
}

/// Who it is only helps; a file without a number in it is locked all the same.
fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok())
}
