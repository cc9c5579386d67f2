//! Where replicas listen: sockets in a folder that only its user can enter. A port of loopback would be open to
//! every user of the machine, past the gateway and its keys.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};

use endpoints::LaunchId;

use crate::short_path::ShortPath;

/// The folder's name, which is short because that of a socket must be.
const FOLDER: &str = "run";
/// What stands for any socket's name in checking whether its path is short enough.
const LONGEST_NAME: &str = "18446744073709551615";

/// The folder of the sockets. It goes when this is dropped, unless there is something in it.
#[derive(Debug)]
pub(crate) struct Sockets {
    dir: PathBuf,
    /// A socket of the longest name by its short path, which holds the folder open if that takes it.
    longest: ShortPath,
}

/// Where one launch of a replica listens.
#[derive(Debug, Clone)]
pub(super) struct Socket {
    /// In the file system.
    pub(super) path: PathBuf,
    /// As this process reaches it.
    pub(super) reach: PathBuf,
}

impl Sockets {
    /// Makes the folder in a data directory that this process has locked. What a killed owner left goes, and
    /// nothing else: a data directory may be a folder in which somebody has a `run` of their own.
    ///
    /// # Errors
    ///
    /// If there is a file of its name or a folder with anything else in it, or the folder cannot be made.
    pub(crate) fn make(data_dir: &Path) -> io::Result<Self> {
        // A replica need not be told which folder this process works in.
        let dir = std::path::absolute(data_dir)?.join(FOLDER);
        match remove_left(&dir) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            Ok(()) | Err(_) => {}
        }
        // Whatever is there now was made by somebody else, so that this must fail then.
        DirBuilder::new().mode(0o700).create(&dir).map_err(|err| {
            io::Error::new(
                err.kind(),
                format!("failed to create the folder {}: {err}", dir.display()),
            )
        })?;
        let longest = ShortPath::of(&dir.join(LONGEST_NAME))?;
        Ok(Self { dir, longest })
    }

    /// Returns where a launch listens. No two have the same name, so that none finds its own taken by one that
    /// is not quite gone.
    pub(super) fn of(&self, launch: LaunchId) -> Socket {
        let name = launch.0.to_string();
        Socket { path: self.dir.join(&name), reach: self.longest.path().with_file_name(name) }
    }
}

/// Removes a folder of sockets that no replica listens on any more.
fn remove_left(dir: &Path) -> io::Result<()> {
    // A link to a folder elsewhere is none of ours.
    if fs_err::symlink_metadata(dir)?.is_dir() {
        for entry in fs_err::read_dir(dir)? {
            let entry = entry?;
            if is_name(&entry.file_name()) && entry.file_type()?.is_socket() {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    fs_err::remove_dir(dir)
}

/// Returns whether a launch could have this name.
fn is_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

impl Socket {
    /// Removes the file, if the replica has made it.
    pub(super) fn remove(&self) {
        // If that fails, it goes when the next owner comes.
        let _ = fs_err::remove_file(&self.path);
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // Keepers have removed their sockets. What is there may be the next owner's by now.
        let _ = fs_err::remove_dir(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_folder_is_for_its_user_and_goes_with_its_owner_or_with_the_next_one() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(FOLDER);
        fs_err::create_dir(&folder).unwrap();
        let _left_by_a_killed_owner = UnixListener::bind(folder.join("1")).unwrap();
        let sockets = Sockets::make(home.path()).unwrap();
        let mode = fs_err::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let socket = sockets.of(LaunchId(1));
        assert!(!socket.path.exists());
        assert_eq!(socket.path, socket.reach);
        let _listener = UnixListener::bind(&socket.path).unwrap();
        socket.remove();
        assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 0);
        drop(sockets);
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_no_socket_of_a_replica_stays_and_is_in_the_way() {
        for name in ["logs.txt", "2024"] {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().join(FOLDER);
            fs_err::create_dir(&folder).unwrap();
            fs_err::write(folder.join(name), "somebody's").unwrap();
            let error = Sockets::make(home.path()).unwrap_err().to_string();
            assert!(error.contains(&folder.display().to_string()), "{error}");
            assert_eq!(fs_err::read_to_string(folder.join(name)).unwrap(), "somebody's");
        }
    }

    #[test]
    fn a_link_leads_to_no_folder_of_ours() {
        let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let _listener = UnixListener::bind(elsewhere.path().join("1")).unwrap();
        fs_err::os::unix::fs::symlink(elsewhere.path(), home.path().join(FOLDER)).unwrap();
        Sockets::make(home.path()).unwrap_err();
        assert!(elsewhere.path().join("1").exists());
    }

    #[test]
    fn an_owner_that_goes_late_leaves_the_sockets_of_the_next_one() {
        let home = tempfile::tempdir().unwrap();
        let late = Sockets::make(home.path()).unwrap();
        let next = Sockets::make(home.path()).unwrap();
        let socket = next.of(LaunchId(1));
        let _listener = UnixListener::bind(&socket.path).unwrap();
        drop(late);
        assert!(socket.path.exists());
    }

    #[test]
    fn a_data_directory_may_have_a_longer_path_than_sockets_take() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("long".repeat(40));
        fs_err::create_dir(&dir).unwrap();
        let sockets = Sockets::make(&dir).unwrap();
        let socket = sockets.of(LaunchId(7));
        assert!(UnixListener::bind(&socket.path).is_err(), "then nothing need be done");
        let _listener = UnixListener::bind(ShortPath::of(&socket.path).unwrap().path()).unwrap();
        UnixStream::connect(&socket.reach).unwrap();
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let home = tempfile::tempdir().unwrap();
        fs_err::write(home.path().join(FOLDER), "").unwrap();
        let error = Sockets::make(home.path()).unwrap_err().to_string();
        assert!(error.contains(&home.path().join(FOLDER).display().to_string()), "{error}");
    }
}
