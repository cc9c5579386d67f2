//! A model's folder → the archive that SageMaker takes, and that [`crate::unpack()`] takes.
//!
//! The same files give the same bytes: entries are sorted, and times, owners and modes are fixed.

mod error;
mod generated;
mod listed;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

pub use error::PackError;

use crate::handler::HANDLER_PATH;
use listed::{Contents, Listed};

/// The first of January 1980, the earliest time of zip archives. At the first of January 1970 GNU tar
/// warns.
const TIME: u64 = 315_532_800;

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// How many files.
    pub num_files: u64,
    /// How many bytes they have together.
    pub num_bytes: u64,
    /// What of the folder was not, in the order of paths. What is in a folder is not listed by itself.
    pub left_out: Vec<LeftOut>,
    /// Where the handler comes from.
    pub handler: HandlerFrom,
}

/// A file or folder that was not packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path in the folder.
    pub path: String,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why something was not packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLeftOut {
    /// Its name begins with a dot.
    Hidden,
    /// The same weights are there as safetensors.
    SecondWeights,
    /// It is an archive, maybe this one.
    Archive,
    /// It is a link to a folder, or a device.
    NoFile,
}

impl fmt::Display for WhyLeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hidden => "hidden",
            Self::SecondWeights => "the weights are there as safetensors",
            Self::Archive => "an archive",
            Self::NoFile => "neither a file nor a folder",
        })
    }
}

/// Where the handler of an archive comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerFrom {
    /// The caller.
    Caller,
    /// The model's folder.
    Folder,
    /// Written to fit the model's settings.
    Generated,
}

/// Packs a model's folder, with a handler at [`HANDLER_PATH`]: the given one, or else the folder's, or
/// else one that is generated.
///
/// # Errors
///
/// See [`PackError`]. What was written by then is no whole archive.
pub fn pack(folder: &Path, writer: impl Write, handler: Option<&str>) -> Result<Packed, PackError> {
    let mut listed = Listed::of(folder)?;
    let from = add_handler(&mut listed, folder, handler)?;
    let (mut num_files, mut num_bytes) = (0, 0);
    let mut archive = tar::Builder::new(GzEncoder::new(writer, Compression::fast()));
    for (path, contents) in &listed.entries {
        match contents {
            Contents::Folder => append(&mut archive, &format!("{path}/"), 0, io::empty())?,
            Contents::Text(text) => {
                append(&mut archive, path, text.len() as u64, text.as_bytes())?;
                (num_files, num_bytes) = (num_files + 1, num_bytes + text.len() as u64);
            }
            Contents::File { path: from, size } => {
                append_file(&mut archive, path, from, *size)?;
                (num_files, num_bytes) = (num_files + 1, num_bytes + size);
            }
        }
    }
    let finished = archive.into_inner().and_then(GzEncoder::finish);
    finished.and_then(|mut writer| writer.flush()).map_err(|source| PackError::Write { source })?;
    Ok(Packed { num_files, num_bytes, left_out: listed.left_out, handler: from })
}

fn add_handler(
    listed: &mut Listed,
    folder: &Path,
    given: Option<&str>,
) -> Result<HandlerFrom, PackError> {
    if given.is_none() && matches!(listed.entries.get(HANDLER_PATH), Some(Contents::File { .. })) {
        return Ok(HandlerFrom::Folder);
    }
    let code = listed.entries.entry("code".to_owned()).or_insert(Contents::Folder);
    if !matches!(code, Contents::Folder) {
        return Err(PackError::CodeIsAFile { path: folder.join("code") });
    }
    let (text, from) = match given {
        Some(text) => (text.to_owned(), HandlerFrom::Caller),
        None => (generated::handler(folder)?, HandlerFrom::Generated),
    };
    listed.entries.insert(HANDLER_PATH.to_owned(), Contents::Text(text));
    Ok(from)
}

fn append_file<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    from: &Path,
    size: u64,
) -> Result<(), PackError> {
    let failed = |source| PackError::Read { path: from.to_owned(), source };
    let file = fs_err::File::open(from).map_err(failed)?;
    let mut exact = Exact { file, num_left: size, fault: None };
    let appended = append(archive, path, size, &mut exact);
    match exact.fault {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(PackError::Changed { path: from.to_owned() })
        }
        Some(error) => Err(failed(error)),
        None => appended,
    }
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    size: u64,
    contents: impl Read,
) -> Result<(), PackError> {
    let is_folder = path.ends_with('/');
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(if is_folder {
        tar::EntryType::Directory
    } else {
        tar::EntryType::Regular
    });
    header.set_mode(if is_folder { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(TIME);
    header.set_size(size);
    let appended = archive.append_data(&mut header, path, contents);
    appended.map_err(|source| PackError::Write { source })
}

/// A file that has exactly as many bytes as the header before it says, since the library does not look.
struct Exact {
    file: fs_err::File,
    num_left: u64,
    /// Why it could not be read, to be told from a failure to write.
    fault: Option<io::Error>,
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Ok(read) if read as u64 <= self.num_left && (read > 0 || self.num_left == 0) => {
                Ok(read)
            }
            Ok(_) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Err(error) => Err(error),
        };
        match read {
            Ok(read) => {
                self.num_left -= read as u64;
                Ok(read)
            }
            Err(error) => {
                self.fault = Some(error);
                Err(io::Error::other("stopped"))
            }
        }
    }
}
