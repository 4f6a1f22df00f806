//! The Unix-domain socket through which the store's driver connects to [`super::tunnel`].
//!
//! On Linux it has a name in the abstract namespace, which leaves no file and works on a read-only file system. If that
//! is not available, it is in a new folder with mode 0700.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::net::UnixListener;

/// The port in the socket's name; its value does not matter.
pub(super) const PORT: u16 = 5432;

/// The longest path of a socket, in bytes without the closing NUL: 108 on Linux, 104 on the BSDs.
const MAX_PATH: usize = 103;

/// Location of the socket.
#[derive(Debug)]
pub(super) enum DriverSocket {
    /// A name in the abstract namespace, with its leading NUL.
    Abstract(PathBuf),
    /// A folder that is removed on drop.
    Folder(TempDir),
}

impl DriverSocket {
    /// Creates the socket.
    ///
    /// # Errors
    ///
    /// Neither an abstract socket nor a temporary folder can be created.
    pub(super) fn new() -> io::Result<(DriverSocket, UnixListener)> {
        in_abstract_namespace().or_else(|_| in_folder(&[None, Some(Path::new("/tmp"))]))
    }

    /// Returns the folder part of the socket's name.
    pub(super) fn directory(&self) -> &Path {
        match self {
            DriverSocket::Abstract(name) => name,
            DriverSocket::Folder(folder) => folder.path(),
        }
    }
}

/// Returns the name that libpq and sqlx use for a socket of this folder and port.
fn socket_name(directory: &Path) -> PathBuf {
    directory.join(format!(".s.PGSQL.{PORT}"))
}

#[cfg(target_os = "linux")]
fn in_abstract_namespace() -> io::Result<(DriverSocket, UnixListener)> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net};
    // The number must only be unused: each connection is checked for its owner.
    let random = RandomState::new().build_hasher().finish();
    let name = PathBuf::from(format!("\0pgtend-{}-{random:016x}", std::process::id()));
    let socket = socket_name(&name);
    let address = net::SocketAddr::from_abstract_name(&socket.as_os_str().as_bytes()[1..])?;
    let listener = net::UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    Ok((DriverSocket::Abstract(name), UnixListener::from_std(listener)?))
}

#[cfg(not(target_os = "linux"))]
fn in_abstract_namespace() -> io::Result<(DriverSocket, UnixListener)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Creates the socket in a new folder of the first parent that is writable and has a short enough path; `None` stands
/// for the system's folder of temporary files (TMPDIR).
fn in_folder(parents: &[Option<&Path>]) -> io::Result<(DriverSocket, UnixListener)> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for parent in parents {
        match folder_in(*parent) {
            Ok(made) => return Ok(made),
            Err(error) => {
                let parent = parent.map_or_else(|| "TMPDIR".to_owned(), |parent| parent.display().to_string());
                failed = io::Error::new(error.kind(), format!("in {parent}: {error}"));
            }
        }
    }
    Err(failed)
}

fn folder_in(parent: Option<&Path>) -> io::Result<(DriverSocket, UnixListener)> {
    let mode = std::fs::Permissions::from_mode(0o700);
    let mut builder = tempfile::Builder::new();
    builder.prefix("pgtend-").permissions(mode);
    let folder = match parent {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    }?;
    let socket = socket_name(folder.path());
    if socket.as_os_str().len() > MAX_PATH {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the path is longer than {MAX_PATH} bytes")));
    }
    let listener = UnixListener::bind(&socket)?;
    Ok((DriverSocket::Folder(folder), listener))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn driver_socket_error_names_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(90));
        std::fs::create_dir(&long).unwrap();
        for (parent, why) in [(long.as_path(), "longer than"), (Path::new("/nonexistent"), "No such file")] {
            let error = in_folder(&[Some(parent)]).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(&parent.display().to_string()), "{error}");
        }
        assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0, "nothing is left");
    }

    #[tokio::test]
    async fn driver_socket_folder_is_private_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(90));
        std::fs::create_dir(&long).unwrap();
        let (socket, _listener) = in_folder(&[Some(&long), Some(folder.path())]).unwrap();
        let directory = socket.directory().to_owned();
        assert_eq!(directory.parent(), Some(folder.path()));
        assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        UnixStream::connect(socket_name(&directory)).await.unwrap();
        drop(socket);
        assert!(!directory.exists());
    }

    #[tokio::test]
    async fn driver_socket_abstract_name_is_found() {
        let (first, _listener) = in_abstract_namespace().unwrap();
        let (other, _other_listener) = in_abstract_namespace().unwrap();
        assert_ne!(first.directory(), other.directory());
        let name = format!("{}/.s.PGSQL.{}", first.directory().display(), PORT);
        UnixStream::connect(name).await.unwrap();
    }
}
