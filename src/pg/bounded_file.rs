//! Reading files that may be larger than they should be, or endless.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest configuration, password, service or certificate file, in bytes.
pub const MAX_SETTINGS_FILE: u64 = 16 << 20;

/// Reads a whole file of at most `limit` bytes. Pipes and devices are read, too.
///
/// # Errors
/// Returns the system's error, or [`io::ErrorKind::FileTooLarge`] as soon as more than `limit` bytes have come.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // Of a pipe or device the length says nothing.
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit)).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads a configuration, password, service or certificate file.
///
/// # Errors
/// As [`read_bounded`], with the limit [`MAX_SETTINGS_FILE`].
pub fn read_settings_file(path: &Path) -> io::Result<Vec<u8>> {
    read_bounded(path, MAX_SETTINGS_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_bounded_refuses_endless_and_large_files() {
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
