//! An archive from anybody → a folder of plain files.
//!
//! The archive is read once, as it comes, and never held in memory. Only files and folders are taken.
//! **Links are refused, all of them**: a link adds nothing that `tar --dereference` would not pack as a
//! file, and in resolving them lies most of what has ever gone wrong with unpacking.

mod error;
mod headers;
mod stream;
mod tree;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use error::{Refusal, UnpackError};

use crate::limits::{Limit, Limits};
use crate::name::{EntryName, shown};
use headers::{Announced, HeaderFault};
use stream::Gauge;
use tree::{FillFault, Tree};

/// How the names of unfinished folders begin. They lie beside destinations, and only a process that was
/// killed leaves one behind; whoever has the parent to itself may remove them at its start.
pub const STAGING_PREFIX: &str = ".sembla-unpack-";

/// The most zeros behind the end of a tar archive. Programs fill up to 10 KiB, tapes to somewhat more.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// A folder that an archive was unpacked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    folder: PathBuf,
    root: PathBuf,
    /// How many files it has.
    pub num_files: u64,
    /// How many bytes they have together.
    pub num_bytes: u64,
}

impl Unpacked {
    /// Returns the folder that was made.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns where the model's files are: in the folder that was made, or, if somebody packed the
    /// model's folder instead of its files, in the only folder inside.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// Unpacks the archive in a file.
///
/// # Errors
///
/// As [`unpack`].
pub fn unpack_file(
    archive: &Path,
    destination: &Path,
    limits: &Limits,
) -> Result<Unpacked, UnpackError> {
    let file = fs_err::File::open(archive).map_err(|source| UnpackError::Read { source })?;
    unpack(file, destination, limits)
}

/// Unpacks a tar archive, in gzip or plain, to `destination`, which must not exist; its parent must.
///
/// Files get mode 0644 and folders 0755, whatever the archive says; owners, times and extended
/// attributes are left out. What is returned is synced to the disk.
///
/// # Errors
///
/// See [`UnpackError`]. In every case nothing is left, and nothing outside was touched.
pub fn unpack(
    archive: impl Read,
    destination: &Path,
    limits: &Limits,
) -> Result<Unpacked, UnpackError> {
    tree::check_free(destination)?;
    let parent = parent(destination);
    let gauge = Gauge::default();
    let archive = stream::open(archive, limits, &gauge)?;
    let tree = Tree::begin(parent, limits.max_files)?;
    let mut run = Run::begin(limits, &gauge, tree);
    run.read(archive)?;

    let Run { tree, num_bytes, .. } = run;
    let root = match tree.top_folder() {
        Some(top) => destination.join(top),
        None => destination.to_owned(),
    };
    let num_files = tree.num_files();
    tree.finish(destination, parent)?;
    Ok(Unpacked { folder: destination.to_owned(), root, num_files, num_bytes })
}

fn parent(destination: &Path) -> &Path {
    match destination.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// One archive on its way.
struct Run<'a> {
    limits: &'a Limits,
    gauge: &'a Gauge,
    tree: Tree,
    /// Bytes of files.
    num_bytes: u64,
    /// Bytes of the headers that announce them. They count as well, or they would have no limit.
    num_header_bytes: u64,
    num_entries: u64,
    /// The last entry whose header was whole.
    last: Option<String>,
}

impl<'a> Run<'a> {
    fn begin(limits: &'a Limits, gauge: &'a Gauge, tree: Tree) -> Self {
        let (num_bytes, num_header_bytes, num_entries) = (0, 0, 0);
        Self { limits, gauge, tree, num_bytes, num_header_bytes, num_entries, last: None }
    }

    fn read(&mut self, archive: Box<dyn Read + '_>) -> Result<(), UnpackError> {
        let mut archive = tar::Archive::new(archive);
        let mut announced = Announced::default();
        // Where the last entry ends, padding included.
        let mut end = 0;
        let entries = archive.entries().map_err(|error| self.damaged(error))?;
        for entry in entries.raw(true) {
            let mut entry = entry.map_err(|error| self.no_header(error))?;
            end = entry.raw_file_position() + entry.size().next_multiple_of(512);
            match entry.header().entry_type().as_byte() {
                kind @ (b'x' | b'L' | b'K') => {
                    let size = entry.size();
                    self.count_header(size)?;
                    let read = announced.read(kind, size, &mut entry);
                    read.map_err(|fault| self.bad_header(&entry.path_bytes(), fault))?;
                }
                b'g' => {
                    let size = entry.size();
                    self.count_entry()?;
                    self.count_header(size)?;
                    headers::check_global(size, &mut entry)
                        .map_err(|fault| self.bad_header(&entry.path_bytes(), fault))?;
                }
                kind => {
                    self.take(kind, &mut entry, &announced)?;
                    announced = Announced::default();
                }
            }
        }
        if !announced.is_empty() || self.gauge.num_unpacked() < end + 512 {
            return Err(self.damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        self.read_padding(archive.into_inner())
    }

    /// Takes in a file or a folder, and refuses everything else.
    fn take(
        &mut self,
        kind: u8,
        entry: &mut tar::Entry<'_, impl Read>,
        announced: &Announced,
    ) -> Result<(), UnpackError> {
        let raw_name = announced.name(entry.path_bytes().into_owned());
        let refused = |reason| UnpackError::Refused { entry: shown(&raw_name), reason };
        self.last = Some(shown(&raw_name));
        self.count_entry()?;
        if raw_name.len() > self.limits.max_path_bytes {
            return Err(self.over(Limit::PathBytes, self.limits.max_path_bytes as u64));
        }
        let name = EntryName::parse(&raw_name).map_err(|fault| refused(fault.into()))?;
        if name.depth() > self.limits.max_depth {
            return Err(self.over(Limit::Depth, self.limits.max_depth as u64));
        }
        announced.check(entry.size()).map_err(refused)?;
        match kind {
            // In the oldest form a folder is a file whose name ends in a slash.
            b'5' | b'0' | b'7' | 0 if kind == b'5' || name.is_folder() => {
                if entry.size() != 0 {
                    return Err(refused(Refusal::Headers("give contents to a folder")));
                }
                self.tree.add_folder(&name)
            }
            b'0' | b'7' | 0 => {
                let size = entry.size();
                self.count_bytes(size)?;
                let file = self.tree.add_file(&name)?;
                file.fill(entry, size).map_err(|fault| match fault {
                    FillFault::Read(error) => self.damaged(error),
                    FillFault::Write(error) => error,
                })
            }
            b'1' | b'2' => {
                let kind = if kind == b'1' { "hard link" } else { "symbolic link" };
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                Err(refused(Refusal::Link { kind, target: shown(&announced.target(target)) }))
            }
            b'S' => Err(refused(Refusal::Sparse)),
            other => Err(refused(Refusal::Special { kind: special(other) })),
        }
    }

    /// Reads to the very end, so that checksums of gzip are compared, and takes zeros only.
    fn read_padding(&self, mut rest: impl Read) -> Result<(), UnpackError> {
        let mut buffer = vec![0; 32 << 10];
        let mut num_read = 0;
        loop {
            let read = match rest.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.damaged(error)),
            };
            num_read += read as u64;
            if num_read > MAX_PADDING_BYTES || buffer[..read].iter().any(|byte| *byte != 0) {
                return Err(self.damaged(io::Error::other("something follows the archive's end")));
            }
        }
    }

    fn count_entry(&mut self) -> Result<(), UnpackError> {
        self.num_entries += 1;
        if self.num_entries > self.limits.max_files {
            return Err(self.over(Limit::Files, self.limits.max_files));
        }
        Ok(())
    }

    fn count_bytes(&mut self, size: u64) -> Result<(), UnpackError> {
        self.num_bytes = self.num_bytes.saturating_add(size);
        self.check_bytes()
    }

    fn count_header(&mut self, size: u64) -> Result<(), UnpackError> {
        self.num_header_bytes = self.num_header_bytes.saturating_add(size);
        self.check_bytes()
    }

    fn check_bytes(&self) -> Result<(), UnpackError> {
        if self.num_bytes.saturating_add(self.num_header_bytes) > self.limits.max_bytes {
            return Err(self.over(Limit::Bytes, self.limits.max_bytes));
        }
        Ok(())
    }

    fn over(&self, limit: Limit, allowed: u64) -> UnpackError {
        UnpackError::OverLimit { limit, allowed, entry: self.last.clone() }
    }

    fn damaged(&self, source: io::Error) -> UnpackError {
        let cause = self.gauge.take_cause();
        cause.unwrap_or_else(|| UnpackError::Damaged { after: self.last.clone(), source })
    }

    /// What does not even begin like a tar archive is none.
    fn no_header(&self, source: io::Error) -> UnpackError {
        let is_first = self.gauge.num_unpacked() <= 512;
        let is_cut_off = source.kind() == io::ErrorKind::UnexpectedEof;
        let error = self.damaged(source);
        if is_first && !is_cut_off && matches!(error, UnpackError::Damaged { .. }) {
            return UnpackError::NotAnArchive { found: "something else" };
        }
        error
    }

    fn bad_header(&self, name: &[u8], fault: HeaderFault) -> UnpackError {
        match fault {
            HeaderFault::Refused(reason) => UnpackError::Refused { entry: shown(name), reason },
            HeaderFault::Unreadable(error) => self.damaged(error),
        }
    }
}

fn special(kind: u8) -> &'static str {
    match kind {
        b'3' => "a character device",
        b'4' => "a block device",
        b'6' => "a pipe",
        b'M' | b'V' => "a part of an archive in several volumes",
        _ => "of an unknown kind",
    }
}
