//! Paths that a socket takes: a system's own bound on them is far below that of other files.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// Bytes of a path that every system takes for a socket: 103 on some, 107 on Linux.
pub(crate) const MAX_SOCKET_PATH: usize = 103;

/// Open files of this process by their numbers, where the system has that.
const OPEN_FILES: &str = "/proc/self/fd";

/// A path that is short enough for a socket: its own, or one that goes by its folder, held open. That one is
/// good within this process, as long as this lives.
#[derive(Debug)]
pub(crate) struct ShortPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl ShortPath {
    /// Makes a path short enough for a socket, if it is not.
    ///
    /// # Errors
    ///
    /// If its folder cannot be opened, or the system has no short way to an open folder.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let num_bytes = path.as_os_str().len();
        if num_bytes <= MAX_SOCKET_PATH {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        if !Path::new(OPEN_FILES).exists() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                format!(
                    "{} is {num_bytes} bytes long, and a socket's path may have {MAX_SOCKET_PATH}; \
                     choose a shorter one with --data-dir",
                    path.display()
                ),
            ));
        }
        let folder = fs_err::File::open(path.parent().unwrap_or(Path::new("/")))?.into_parts().0;
        let open = Path::new(OPEN_FILES).join(folder.as_raw_fd().to_string());
        let path = open.join(path.file_name().unwrap_or_default());
        Ok(Self { path, _folder: Some(folder) })
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
