//! The files of an archive on the disk, before they have their final name.
//!
//! They are written into a fresh folder beside the destination, which nobody else can enter, and which
//! holds no links: a name inside it can lead nowhere else. The folder is renamed when all is there and
//! synced. Dropping it before removes it.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Refusal, STAGING_PREFIX, UnpackError};
use crate::limits::Limit;
use crate::name::EntryName;

const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// The folder that is being filled.
#[derive(Debug)]
pub(super) struct Tree {
    staging: TempDir,
    /// Everything in it, by path. A folder comes before what is in it.
    entries: BTreeMap<String, Kind>,
    max_entries: u64,
}

impl Tree {
    /// Makes an empty folder in `parent`.
    pub(super) fn begin(parent: &Path, max_entries: u64) -> Result<Self, UnpackError> {
        let staging = tempfile::Builder::new().prefix(STAGING_PREFIX).tempdir_in(parent);
        let staging = staging.map_err(|error| write_error(parent, error))?;
        Ok(Self { staging, entries: BTreeMap::new(), max_entries })
    }

    /// Makes a folder, unless it is there.
    pub(super) fn add_folder(&mut self, name: &EntryName) -> Result<(), UnpackError> {
        for path in name.folders().chain([name.as_str()]).filter(|path| !path.is_empty()) {
            match self.entries.get(path) {
                Some(Kind::Folder) => {}
                Some(Kind::File) => return Err(file_and_folder(name, path)),
                None => self.make_folder(name, path)?,
            }
        }
        Ok(())
    }

    fn make_folder(&mut self, name: &EntryName, path: &str) -> Result<(), UnpackError> {
        self.register(name, path, Kind::Folder)?;
        let path = self.staging.path().join(path);
        fs_err::create_dir(&path)
            .and_then(|()| fs_err::set_permissions(&path, Permissions::from_mode(FOLDER_MODE)))
            .map_err(|error| write_error(&path, error))
    }

    /// Makes an empty file and the folders that it lies in.
    pub(super) fn add_file(&mut self, name: &EntryName) -> Result<NewFile, UnpackError> {
        for path in name.folders() {
            match self.entries.get(path) {
                Some(Kind::Folder) => {}
                Some(Kind::File) => return Err(file_and_folder(name, path)),
                None => self.make_folder(name, path)?,
            }
        }
        match self.entries.get(name.as_str()) {
            Some(Kind::File) => return Err(refused(name, Refusal::Duplicate)),
            Some(Kind::Folder) => return Err(file_and_folder(name, name.as_str())),
            None => self.register(name, name.as_str(), Kind::File)?,
        }
        let path = self.staging.path().join(name.as_str());
        let created = fs_err::OpenOptions::new().write(true).create_new(true).open(&path);
        let file = created.and_then(|file| {
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
            Ok(file)
        });
        let file = file.map_err(|error| write_error(&path, error))?;
        Ok(NewFile { file, path })
    }

    fn register(&mut self, name: &EntryName, path: &str, kind: Kind) -> Result<(), UnpackError> {
        if self.entries.len() as u64 >= self.max_entries {
            return Err(UnpackError::OverLimit {
                limit: Limit::Files,
                allowed: self.max_entries,
                entry: Some(name.to_string()),
            });
        }
        self.entries.insert(path.to_owned(), kind);
        Ok(())
    }

    /// Returns how many files there are.
    pub(super) fn num_files(&self) -> u64 {
        self.entries.values().filter(|kind| **kind == Kind::File).count() as u64
    }

    /// Returns the one folder that everything is in, if there is one. What macOS adds beside it does not
    /// count.
    pub(super) fn top_folder(&self) -> Option<&str> {
        let is_added = |name: &str| name.starts_with("._") || name == ".DS_Store";
        let tops = || self.entries.iter().filter(|(path, _)| !path.contains('/'));
        let mut tops = tops().filter(|(name, _)| !is_added(name));
        match (tops.next(), tops.next()) {
            (Some((name, Kind::Folder)), None) => Some(name),
            _ => None,
        }
    }

    /// Syncs everything and gives the folder its name.
    pub(super) fn finish(self, destination: &Path, parent: &Path) -> Result<(), UnpackError> {
        let top = self.staging.path();
        // Files first and inner folders before outer ones: the reverse of how they were made.
        for path in self.entries.keys().rev() {
            sync(&top.join(path))?;
        }
        fs_err::set_permissions(top, Permissions::from_mode(FOLDER_MODE))
            .map_err(|error| write_error(top, error))?;
        sync(top)?;
        check_free(destination)?;
        fs_err::rename(top, destination).map_err(|error| {
            // Made by somebody else since the check.
            let taken = [io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::NotADirectory];
            if taken.contains(&error.kind()) {
                return UnpackError::Exists { path: destination.to_owned() };
            }
            write_error(destination, error)
        })?;
        let _renamed: PathBuf = self.staging.keep();
        sync(parent).inspect_err(|_| {
            // Nothing more can be done about a failure here.
            let _ = fs_err::remove_dir_all(destination);
        })
    }
}

/// Checks that nothing is at the destination: no folder, and no link, wherever it points.
pub(super) fn check_free(destination: &Path) -> Result<(), UnpackError> {
    match fs_err::symlink_metadata(destination) {
        Ok(_) => Err(UnpackError::Exists { path: destination.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(write_error(destination, error)),
    }
}

/// A file of the tree that gets its contents.
#[derive(Debug)]
pub(super) struct NewFile {
    file: fs_err::File,
    path: PathBuf,
}

/// Why a file did not get its contents.
#[derive(Debug)]
pub(super) enum FillFault {
    /// The archive ends, or is damaged.
    Read(io::Error),
    /// The disk is the matter.
    Write(UnpackError),
}

impl NewFile {
    /// Writes `size` bytes.
    pub(super) fn fill(mut self, contents: &mut impl Read, size: u64) -> Result<(), FillFault> {
        let mut buffer = vec![0; 64 << 10];
        let mut num_left = size;
        while num_left > 0 {
            let read = match contents.read(&mut buffer) {
                Ok(0) => return Err(FillFault::Read(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(FillFault::Read(error)),
            };
            let written = self.file.write_all(&buffer[..read]);
            written.map_err(|error| FillFault::Write(write_error(&self.path, error)))?;
            num_left = num_left.saturating_sub(read as u64);
        }
        Ok(())
    }
}

fn sync(path: &Path) -> Result<(), UnpackError> {
    let synced = fs_err::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| write_error(path, error))
}

fn write_error(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Write { path: path.to_owned(), source }
}

fn refused(name: &EntryName, reason: Refusal) -> UnpackError {
    UnpackError::Refused { entry: name.to_string(), reason }
}

fn file_and_folder(name: &EntryName, path: &str) -> UnpackError {
    let path = crate::name::shown(path.as_bytes());
    refused(name, Refusal::FileAndFolder { path })
}
