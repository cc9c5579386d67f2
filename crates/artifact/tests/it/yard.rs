//! A folder to unpack in, which says what became of it.

use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use artifact::{Limits, UnpackError, Unpacked};
use expect_test::Expect;

/// `outside/`, which archives try to reach, and beside it `inner/`, in which they are unpacked.
pub(crate) struct Yard {
    top: tempfile::TempDir,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        for folder in ["outside", "inner"] {
            fs_err::create_dir(top.path().join(folder)).unwrap();
        }
        fs_err::write(top.path().join("outside/secret"), "keep").unwrap();
        Self { top }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    pub(crate) fn destination(&self) -> PathBuf {
        self.path("inner/model")
    }

    pub(crate) fn unpack(
        &self,
        archive: impl Read,
        limits: &Limits,
    ) -> Result<Unpacked, UnpackError> {
        artifact::unpack(archive, &self.destination(), limits)
    }

    /// Returns everything in the yard, one path a line.
    pub(crate) fn listing(&self) -> String {
        listing(self.top.path())
    }
}

/// Returns everything in a folder: its path, mode, and contents if they are short.
pub(crate) fn listing(folder: &Path) -> String {
    let mut lines = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs_err::symlink_metadata(&path).unwrap();
            let mut line = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let mode = metadata.permissions().mode();
            if metadata.is_dir() {
                line.push('/');
                waiting.push(path);
            } else {
                let bytes = fs_err::read(&path).unwrap();
                match std::str::from_utf8(&bytes[..bytes.len().min(40)]) {
                    Ok(text) => write!(line, " {text:?}").unwrap(),
                    Err(_) => write!(line, " {} bytes", bytes.len()).unwrap(),
                }
            }
            write!(line, " {:o}", mode & 0o7777).unwrap();
            lines.push(line);
        }
    }
    lines.sort();
    lines.join("\n")
}

/// Writes an error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").unwrap();
        cause = error.source();
    }
    text
}

/// Checks that an archive is refused for the reason, and leaves no trace.
#[track_caller]
pub(crate) fn check_refused(archive: impl Read, limits: &Limits, expected: &Expect) {
    let yard = Yard::new();
    let before = yard.listing();
    let error = yard.unpack(archive, limits).unwrap_err();
    assert_eq!(yard.listing(), before, "something remains");
    expected.assert_eq(&chain(&error));
}
