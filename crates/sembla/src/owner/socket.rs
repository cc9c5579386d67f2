//! The socket in a data directory: made by the server that has it, found by commands.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::error::OwnerError;
use crate::short_path::ShortPath;

/// The name of the socket in the data directory.
const SOCKET: &str = "sembla.sock";
/// Where a socket is made before it has its name.
const STAGING: &str = ".sembla.sock.new";

/// A socket that listens. Its file goes with it.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

/// Removes the file of a socket when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Socket {
    /// Listens in a data directory that this process has locked; what a killed server left is
    /// replaced.
    ///
    /// The socket is made in a folder that only its user can enter and gets its name when nobody else
    /// can open it any more.
    pub(super) fn listen(dir: &Path) -> Result<Self, OwnerError> {
        let path = path(dir);
        let listener = make(dir, &path);
        let listener =
            listener.map_err(|source| OwnerError::Socket { path: path.clone(), source })?;
        Ok(Self { listener, file: SocketFile(path) })
    }

    /// Returns what to accept connections from, and what to drop when that ends.
    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

fn make(dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let staging = dir.join(STAGING);
    match fs_err::remove_dir_all(&staging) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    DirBuilder::new().mode(0o700).create(&staging)?;
    let staged = staging.join(SOCKET);
    let listener = UnixListener::bind(ShortPath::of(&staged)?.path())?;
    fs_err::set_permissions(&staged, Permissions::from_mode(0o600))?;
    fs_err::rename(&staged, path)?;
    fs_err::remove_dir(&staging)?;
    Ok(listener)
}

/// Connects to the socket of a data directory; `None` if nobody listens there.
pub(super) async fn connect(dir: &Path) -> Result<Option<UnixStream>, OwnerError> {
    let path = path(dir);
    let connected = async { UnixStream::connect(ShortPath::of(&path)?.path()).await };
    match connected.await {
        Ok(stream) => Ok(Some(stream)),
        Err(err) if nobody_listens(&err) => Ok(None),
        Err(source) => Err(OwnerError::Socket { path, source }),
    }
}

/// Nobody ever did, or the server was killed and its socket is left; or there is no such directory,
/// which whoever opens it will say better.
fn nobody_listens(err: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};

    matches!(err.kind(), NotFound | ConnectionRefused | NotADirectory)
}

fn path(dir: &Path) -> PathBuf {
    dir.join(SOCKET)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If that fails, whoever is next finds that nobody listens and replaces it.
        let _ = fs_err::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_heard(dir: &Path) -> bool {
        connect(dir).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_socket_is_for_its_user_and_goes_when_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_heard(dir.path()).await);
        let socket = Socket::listen(dir.path()).unwrap();
        assert!(is_heard(dir.path()).await);
        let mode = fs_err::metadata(path(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(socket);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
        assert!(!is_heard(dir.path()).await);
    }

    #[tokio::test]
    async fn what_a_killed_server_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (listener, file) = Socket::listen(dir.path()).unwrap().into_parts();
        // A kill closes the socket and removes nothing.
        drop(listener);
        std::mem::forget(file);
        fs_err::create_dir(dir.path().join(STAGING)).unwrap();
        assert!(path(dir.path()).exists());
        assert!(!is_heard(dir.path()).await);
        let _socket = Socket::listen(dir.path()).unwrap();
        assert!(is_heard(dir.path()).await);
    }

    #[tokio::test]
    async fn a_path_may_be_longer_than_sockets_take() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("long".repeat(30)).join("longer".repeat(30));
        fs_err::create_dir_all(&dir).unwrap();
        let _socket = Socket::listen(&dir).unwrap();
        assert!(is_heard(&dir).await);
    }

    #[tokio::test]
    async fn a_directory_that_is_none_is_heard_of_from_nobody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_heard(file.path()).await);
    }
}
