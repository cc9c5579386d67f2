//! A folder that gets its name when it is complete.
//!
//! Everything is written into a hidden folder beside the target, `.NAME.sembla-partial`, and renamed
//! at the end, so that what stands under the target's name is always whole. The hidden folder is
//! locked as long as its run lives (`flock`, which the system gives up with the process): a second run
//! to the same target is refused, and what a killed run left is cleared away by the next.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::WriteError;
use super::read::Dataset;

/// What to do about a dataset that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Refuse to write.
    Refuse,
    /// Put the new one in its place once it is complete. Only what Sembla wrote is replaced.
    Replace,
}

/// The hidden folder. Dropping it before [`Staging::commit`] removes it.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
    target: PathBuf,
    overwrite: Overwrite,
    /// Set once nothing of ours stands under the hidden name.
    gone: bool,
    _lock: std::fs::File,
}

impl Staging {
    /// Makes the hidden folder for `target`, whose parent is made if need be.
    pub(crate) fn begin(target: &Path, overwrite: Overwrite) -> Result<Self, WriteError> {
        let target = resolve(target)?;
        check_target(&target, overwrite)?;
        let (parent, _) = split(&target)?;
        fs_err::create_dir_all(parent).map_err(|error| WriteError::io(parent, error))?;
        let folder = hidden(&target, "sembla-partial")?;
        let lock = make_and_lock(&folder, &target)?;
        if let Some(entry) =
            foreign_entry(&folder).map_err(|error| WriteError::io(&folder, error))?
        {
            return Err(WriteError::NotOurs { path: folder, entry });
        }
        let staging = Self { folder, target, overwrite, gone: false, _lock: lock };
        staging.clear().map_err(|error| WriteError::io(&staging.folder, error))?;
        Ok(staging)
    }

    /// Returns the folder to write into.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn clear(&self) -> io::Result<()> {
        for entry in fs_err::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs_err::remove_dir_all(entry.path())?;
            } else {
                fs_err::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Gives the folder its name. Its files must have been synced.
    pub(crate) fn commit(mut self) -> Result<(), WriteError> {
        let (parent, _) = split(&self.target)?;
        let parent = parent.to_owned();
        sync_folder(&self.folder)?;
        if self.overwrite == Overwrite::Replace && !is_absent_or_empty(&self.target)? {
            self.replace()?;
        } else {
            let renamed = fs_err::rename(&self.folder, &self.target);
            renamed.map_err(|error| self.refused(error))?;
            self.gone = true;
        }
        sync_folder(&parent)
    }

    fn refused(&self, error: io::Error) -> WriteError {
        // Made by somebody else since the job began.
        let taken = [io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::NotADirectory];
        if taken.contains(&error.kind()) {
            return WriteError::Exists { path: self.target.clone() };
        }
        WriteError::io(&self.target, error)
    }

    /// Exchanges the new for the old, which is then removed under the hidden name.
    fn replace(&mut self) -> Result<(), WriteError> {
        check_target(&self.target, self.overwrite)?;
        // Held until the old one is removed, so that no other run takes it for a leftover of its own.
        let _old =
            lock(&self.target)?.ok_or_else(|| WriteError::InUse { path: self.target.clone() })?;
        match rustix::fs::renameat_with(CWD, &self.folder, CWD, &self.target, RenameFlags::EXCHANGE)
        {
            Ok(()) => {
                let removed = fs_err::remove_dir_all(&self.folder);
                self.gone = true;
                removed.map_err(|error| WriteError::io(&self.folder, error))
            }
            // Some network file systems cannot exchange.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                replace_by_two_renames(&self.folder, &self.target)?;
                self.gone = true;
                Ok(())
            }
            Err(errno) => Err(WriteError::io(&self.target, errno.into())),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.gone {
            // Nothing more can be done about a failure here; the next run tries again.
            let _ = fs_err::remove_dir_all(&self.folder);
        }
    }
}

/// Between the two renames there is nothing under the target's name; a run killed there leaves the old
/// dataset as `.NAME.sembla-replaced`.
fn replace_by_two_renames(folder: &Path, target: &Path) -> Result<(), WriteError> {
    let aside = hidden(target, "sembla-replaced")?;
    fs_err::rename(target, &aside).map_err(|error| WriteError::io(&aside, error))?;
    if let Err(error) = fs_err::rename(folder, target) {
        fs_err::rename(&aside, target).map_err(|error| WriteError::io(target, error))?;
        return Err(WriteError::io(target, error));
    }
    fs_err::remove_dir_all(&aside).map_err(|error| WriteError::io(&aside, error))
}

/// An absolute path with a parent and a name. A link to a folder stands for the folder.
fn resolve(target: &Path) -> Result<PathBuf, WriteError> {
    let resolved = match fs_err::canonicalize(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(target),
        other => other,
    };
    let resolved = resolved.map_err(|error| WriteError::io(target, error))?;
    split(&resolved)?;
    Ok(resolved)
}

fn split(target: &Path) -> Result<(&Path, &std::ffi::OsStr), WriteError> {
    let no_name = || WriteError::NotAFolder { path: target.to_owned() };
    Ok((target.parent().ok_or_else(no_name)?, target.file_name().ok_or_else(no_name)?))
}

fn hidden(target: &Path, suffix: &str) -> Result<PathBuf, WriteError> {
    let (parent, name) = split(target)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(suffix);
    Ok(parent.join(hidden))
}

fn is_absent_or_empty(target: &Path) -> Result<bool, WriteError> {
    match fs_err::read_dir(target) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(WriteError::NotAFolder { path: target.to_owned() })
        }
        Err(error) => Err(WriteError::io(target, error)),
    }
}

/// Replacing removes what is there, so it must be a dataset of ours and nothing but.
fn check_target(target: &Path, overwrite: Overwrite) -> Result<(), WriteError> {
    if is_absent_or_empty(target)? {
        return Ok(());
    }
    let path = target.to_owned();
    if overwrite == Overwrite::Refuse {
        return Err(WriteError::Exists { path });
    }
    if let Some(entry) = foreign_entry(target).map_err(|error| WriteError::io(target, error))? {
        return Err(WriteError::NotOurs { path, entry });
    }
    match Dataset::open(target) {
        Ok(_) => Ok(()),
        Err(_) => Err(WriteError::NotOurs {
            path,
            entry: "no complete dataset of ours, but files".into(),
        }),
    }
}

/// Returns something in `folder` that no job writes.
fn foreign_entry(folder: &Path) -> io::Result<Option<String>> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "data" && entry.file_type()?.is_dir() {
            for file in fs_err::read_dir(entry.path())? {
                let name = file?.file_name().to_string_lossy().into_owned();
                if !(name.starts_with("train-") && name.ends_with(".parquet")) {
                    return Ok(Some(format!("data/{name}")));
                }
            }
        } else if name != "README.md" {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Makes `folder` and locks it, or locks the one that a killed run left.
fn make_and_lock(folder: &Path, target: &Path) -> Result<std::fs::File, WriteError> {
    let failed = |error| WriteError::io(folder, error);
    loop {
        match fs_err::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        match lock(folder) {
            Ok(None) => return Err(WriteError::InUse { path: target.to_owned() }),
            // Removed or renamed by its run between our two looks: make another.
            Err(WriteError::Write { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Ok(Some(lock)) if !is_at(&lock, folder).map_err(failed)? => {}
            Ok(Some(lock)) => return Ok(lock),
            Err(error) => return Err(error),
        }
    }
}

/// Returns `None` if another run holds the lock. Does not follow links.
fn lock(folder: &Path) -> Result<Option<std::fs::File>, WriteError> {
    let failed = |error| WriteError::io(folder, error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty());
    let folder = std::fs::File::from(opened.map_err(|errno| failed(errno.into()))?);
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn is_at(opened: &std::fs::File, path: &Path) -> io::Result<bool> {
    let opened = opened.metadata()?;
    match fs_err::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder last over a loss of power.
pub(super) fn sync_folder(folder: &Path) -> Result<(), WriteError> {
    let synced = fs_err::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| WriteError::io(folder, error))
}

#[cfg(test)]
mod tests;
