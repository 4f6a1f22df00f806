//! Reading files with a size limit.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The largest configuration, password, service or certificate file, in bytes.
pub const MAX_SETTINGS_FILE: u64 = 16 << 20;

/// Time limit for a pipe that is used as a connection's file.
const PIPE_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Reads a whole file of at most `limit` bytes. Pipes and devices are read, too.
///
/// # Errors
/// Returns the system's error, or [`io::ErrorKind::FileTooLarge`] as soon as more than `limit` bytes were read.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path).map_err(plain)?;
    // The length of a pipe or device is not meaningful.
    let length = file.metadata().map_err(plain)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit)).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(plain)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"))
}

/// Returns the error without its number.
fn plain(error: io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" (os error ").next().unwrap_or(&text))
}

/// Reads a configuration file, or a file that it refers to. Waits for a pipe.
///
/// # Errors
/// As [`read_bounded`], with the limit [`MAX_SETTINGS_FILE`].
pub fn read_settings_file(path: &Path) -> io::Result<Vec<u8>> {
    read_bounded(path, MAX_SETTINGS_FILE)
}

/// Reads a password, service or certificate file of a connection. Waits for a pipe, such as a shell's `<(…)`, but
/// unlike libpq with a time limit.
///
/// # Errors
/// As [`read_settings_file`], and [`io::ErrorKind::TimedOut`] if a pipe does not end within 5 s.
pub fn read_connection_file(path: &Path) -> io::Result<Vec<u8>> {
    read_within(path, PIPE_TIMEOUT)
}

fn read_within(path: &Path, timeout: Duration) -> io::Result<Vec<u8>> {
    // Opening a pipe without a writer would block.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(plain)?;
    if file.metadata().map_err(plain)?.is_file() {
        return read_bounded(path, MAX_SETTINGS_FILE);
    }
    let deadline = Instant::now() + timeout;
    let (mut bytes, mut chunk, mut has_writer) = (Vec::new(), [0; 8 << 10], false);
    while bytes.len() as u64 <= MAX_SETTINGS_FILE {
        match file.read(&mut chunk) {
            // A read returns 0 bytes before the first writer and after the last one.
            Ok(0) if has_writer => return Ok(bytes),
            Ok(0) => {}
            Ok(count) => {
                has_writer = true;
                bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => has_writer = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(plain(error)),
        }
        if Instant::now() >= deadline {
            let message = format!("it is not a regular file, and reading it took longer than {} s", timeout.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        std::thread::sleep(POLL);
    }
    Err(too_large(MAX_SETTINGS_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipe_is_read_within_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let timeout = Duration::from_millis(200);
        assert_eq!(read_within(&path, timeout).unwrap_err().kind(), io::ErrorKind::TimedOut, "no writer");
        let writer = path.clone();
        let writing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            std::fs::write(writer, b"12345").unwrap();
        });
        assert_eq!(read_within(&path, Duration::from_secs(20)).unwrap(), b"12345");
        writing.join().unwrap();
        let _silent = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        assert_eq!(read_within(&path, timeout).unwrap_err().kind(), io::ErrorKind::TimedOut, "a silent writer");
        assert_eq!(read_within(Path::new("/dev/zero"), timeout).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_within(Path::new("/dev/null"), timeout).unwrap_err().kind(), io::ErrorKind::TimedOut);
        let missing = read_within(Path::new("/nowhere"), timeout).unwrap_err();
        assert_eq!(
            (missing.kind(), missing.to_string().as_str()),
            (io::ErrorKind::NotFound, "No such file or directory")
        );
    }

    #[test]
    fn read_bounded_rejects_large_files() {
        let error = read_bounded(Path::new("/dev/zero"), 1 << 16).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::FileTooLarge, "it is larger than 65536 bytes")
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"12345").unwrap();
        assert!(read_bounded(file.path(), 4).is_err());
        assert_eq!(read_bounded(file.path(), 5).unwrap(), b"12345");
        assert!(read_bounded(Path::new("/nowhere"), 5).is_err());
        // A large sparse file is refused without being read whole.
        file.as_file().set_len(1 << 40).unwrap();
        assert_eq!(read_settings_file(file.path()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
