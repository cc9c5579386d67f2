//! The folders of a data directory: one an index, complete or not there at all.
//!
//! A folder is filled under a name that no index can have and renamed when it is complete; a deletion
//! renames first and removes then. What a kill leaves behind is removed when the directory is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err::os::unix::fs::FileExt;
use fs_err::{File, OpenOptions};

use super::environment::DATA_FILE;
use super::fault::Fault;
use crate::error::StoreError;
use crate::spec::IndexName;

/// What names of folders begin with that are no indexes yet, or no longer.
const STAGING: &str = ".staging-";
/// What is written to find out whether a disk is full.
const PROBE_BYTES: usize = 8 << 20;

/// Makes an error name a path.
pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { path: path.to_owned(), source }
}

/// Returns a folder's name that nothing has in this directory.
pub(super) fn staging(dir: &Path) -> PathBuf {
    // LMDB knows an open environment by its path, so a name is never used again.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    dir.join(format!("{STAGING}{}-{number}", std::process::id()))
}

/// Gives a complete folder its name, durably. Nothing may have that name.
pub(super) fn publish(staging: &Path, path: &Path) -> Result<(), StoreError> {
    sync(staging)?;
    fs_err::rename(staging, path).map_err(io_error(path))?;
    sync(path.parent().unwrap_or(Path::new("/")))
}

/// Takes a folder's name away, durably, and returns the name that it has until it is removed.
pub(super) fn retire(dir: &Path, path: &Path) -> Result<PathBuf, StoreError> {
    let retired = staging(dir);
    fs_err::rename(path, &retired).map_err(io_error(path))?;
    sync(dir)?;
    Ok(retired)
}

/// Removes a folder.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    fs_err::remove_dir_all(path).map_err(io_error(path))
}

fn sync(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(dir))
}

/// Removes what was left behind, and returns the indexes of a directory.
pub(super) fn indexes(dir: &Path) -> Result<Vec<IndexName>, StoreError> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(dir).map_err(io_error(dir))? {
        let entry = entry.map_err(io_error(dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(STAGING) {
            remove(&entry.path())?;
        } else if entry.file_type().map_err(io_error(dir))?.is_dir()
            && let Ok(name) = IndexName::try_from(name)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Tells a full disk from a broken one. LMDB reports a write that was cut short as an I/O error, and
/// only a write beyond the end of its file can say why.
pub(super) fn name_full_disk(folder: &Path, fault: Fault) -> Fault {
    let Fault::Lmdb(heed::Error::Io(error)) = &fault else { return fault };
    if super::fault::is_no_space(error) {
        return fault;
    }
    match probe(folder) {
        Err(error) if super::fault::is_no_space(&error) => error.into(),
        Ok(()) | Err(_) => fault,
    }
}

/// Writes where LMDB would write next, to a file beside its own.
fn probe(folder: &Path) -> io::Result<()> {
    let end = fs_err::metadata(folder.join(DATA_FILE))?.len();
    let path = folder.join("probe");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let written = file.write_all_at(&vec![1; PROBE_BYTES], end).and_then(|()| file.sync_all());
    fs_err::remove_file(&path)?;
    written
}
