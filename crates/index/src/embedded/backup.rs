//! Snapshots of an index while it is in use, and indexes made from snapshots.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use heed::CompactionOption;

use super::environment::{DATA_FILE, Environment};
use super::fault::Fault;
use super::opened::{Core, Index};
use super::store::on_a_thread;
use super::{Data, EmbeddedStore, check, folder};
use crate::error::StoreError;
use crate::spec::{IndexName, IndexSpec};

impl EmbeddedStore {
    /// Writes an index into a new folder, as it is now, while it goes on being used. The folder is
    /// there when it is complete and on the disk, or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is something at `to`, no such index, or no space.
    pub async fn snapshot(&self, index: &IndexName, to: &Path) -> Result<(), StoreError> {
        let (index, to) = (self.index(index)?, to.to_owned());
        on_a_thread(move || snapshot(&index.core, &to)).await
    }

    /// Makes a new index of a snapshot, which is checked whole before the index has its name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is such an index, if the snapshot is damaged, or no space.
    pub async fn restore(&self, from: &Path, name: &IndexName) -> Result<(), StoreError> {
        let (data, from, name) = (Arc::clone(&self.data), from.to_owned(), name.clone());
        on_a_thread(move || restore(&data, &from, &name)).await
    }
}

fn snapshot(core: &Core, to: &Path) -> Result<(), StoreError> {
    if fs_err::symlink_metadata(to).is_ok() {
        let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(StoreError::Io { path: to.to_owned(), source });
    }
    let to = std::path::absolute(to).map_err(folder::io_error(to))?;
    let dir = to.parent().unwrap_or(Path::new("/")).to_owned();
    let staging = folder::staging(&dir);
    fs_err::create_dir(&staging).map_err(folder::io_error(&staging))?;
    let copied = copy(core, &staging).and_then(|()| folder::publish(&staging, &to));
    if copied.is_err() {
        // The first error is the one to tell.
        let _ = folder::remove(&staging);
    }
    copied
}

fn copy(core: &Core, staging: &Path) -> Result<(), StoreError> {
    let opened = core.environment.opened()?;
    let error = |fault: Fault| core.environment.error(folder::name_full_disk(staging, fault));
    let file = opened.env.copy_to_path(staging.join(DATA_FILE), CompactionOption::Enabled);
    let file = file.map_err(|e| error(e.into()))?;
    file.sync_all().map_err(|e| error(e.into()))
}

fn restore(data: &Data, from: &Path, name: &IndexName) -> Result<(), StoreError> {
    data.add(name, |staging, path| {
        let copied: PathBuf = staging.join(DATA_FILE);
        fs_err::copy(from.join(DATA_FILE), &copied).map_err(folder::io_error(from))?;
        let file = fs_err::File::open(&copied).map_err(folder::io_error(&copied))?;
        file.sync_all().map_err(folder::io_error(&copied))?;
        let environment = Environment::open(staging, path, data.config.max_index_bytes)?;
        let problems = check::check(&environment)?.problems;
        if let Some(first) = problems.into_iter().next() {
            return Err(StoreError::Damaged { path: from.to_owned(), what: first });
        }
        rename(&environment, name)?;
        Index::start(environment, &data.config)
    })
}

/// Gives the index of an environment another name.
fn rename(environment: &Environment, name: &IndexName) -> Result<(), StoreError> {
    let spec = environment.read(|txn, tables| tables.spec(txn))?;
    let opened = environment.opened()?;
    let renamed = || {
        let mut txn = opened.env.write_txn()?;
        opened.tables.set_spec(&mut txn, &IndexSpec { name: name.clone(), ..spec })?;
        Ok(txn.commit()?)
    };
    renamed().map_err(|fault| environment.error(fault))
}
