//! Writing files: an existing file keeps its mode, links and owner. A write is atomic where possible.
//!
//! | the path | action | atomic |
//! | --- | --- | --- |
//! | does not exist, or is a dangling symlink | create a file with the default mode | yes |
//! | is a regular file, also through symlinks | replace it by a new file with its mode, owner and group | yes |
//! | is a file with several hard links, an ACL or extended attributes | write in place | no |
//! | is a file whose owner cannot be set on a new file, or whose folder is not writable | write in place | no |
//! | is a device, a pipe, a socket, or below `/dev` or `/proc` | write to it | no |
//!
//! A file that is not writable is never replaced.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Maximum number of symlinks to a file, as in the kernel (`MAXSYMLINKS`).
const MAX_SYMLINKS: usize = 40;

/// The mode of a new file before the umask.
pub const NEW_FILE_MODE: u32 = 0o666;

/// Writes the output of `render` to a file, according to the table above.
///
/// # Errors
///
/// Returns the error of `render` or of the system. After an error, an atomic write leaves the old content; a write in
/// place may leave a part of the new content, which its error states.
pub fn write_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if is_kernel_path(path) {
        return append_to_file(path, render);
    }
    let existing = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match existing {
        None => create_file(&resolve_symlinks(path)?, render),
        Some(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Some(metadata) if !metadata.is_file() => append_to_file(path, render),
        Some(metadata) => overwrite_file(&resolve_symlinks(path)?, &metadata, render),
    }
}

/// Checks that [`write`] could write the path, before an action that its content reports. Pipes are not opened, because
/// that would wait for a reader.
///
/// # Errors
///
/// Returns the error of the system.
pub fn check(path: &Path) -> io::Result<()> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if metadata.is_file() => OpenOptions::new().write(true).open(path).map(drop),
        Ok(_) => Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_kernel_path(path) => {
            temporary_file(parent_folder(&resolve_symlinks(path)?), 0o600).map(drop)
        }
        Err(error) => Err(error),
    }
}

/// Writes a new file with this mode (before the umask), completely or not at all.
///
/// # Errors
///
/// Returns `AlreadyExists` if the path exists, even as a dangling symlink.
pub fn create_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = temporary_file(parent_folder(path), mode)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map(drop).map_err(|error| error.error)
}

/// Returns whether the path is stdout: `-`, `/dev/stdout` and its other names.
pub fn names_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Creates a temporary file in the folder, with this mode before the umask; it is removed unless it is persisted.
pub fn temporary_file(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let builder = &mut tempfile::Builder::new();
    builder.prefix(".pgtend-").permissions(Permissions::from_mode(mode)).tempfile_in(folder).map_err(without_path)
}

/// Returns the folder of a path; `.` for a bare name.
pub fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes the path of the temporary file from an error.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text))
}

/// Returns whether the path is an open descriptor or a device.
fn is_kernel_path(path: &Path) -> bool {
    let folder = fs::canonicalize(parent_folder(path)).unwrap_or_else(|_| parent_folder(path).to_owned());
    ["/dev/fd", "/proc"].iter().any(|kernel| folder.starts_with(kernel))
        || folder == Path::new("/dev") && !path.is_dir()
}

/// Follows symlinks to their target, whether it exists or not.
fn resolve_symlinks(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_SYMLINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => target = parent_folder(&target).join(fs::read_link(&target)?),
            Ok(_) => return Ok(target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(target),
            Err(error) => return Err(error),
        }
    }
    // The message of open(2) for a loop.
    fs::metadata(path)?;
    Err(io::Error::other("too many levels of symbolic links"))
}

/// Writes to a device, a pipe or an open descriptor. A reader that closes a pipe early is not an error.
fn append_to_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(OpenOptions::new().append(true).open(path)?);
    match render(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && is_pipe(path) => Ok(()),
        result => result,
    }
}

fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo() || metadata.file_type().is_socket())
}

fn overwrite_file(
    path: &Path,
    existing: &Metadata,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A file that the user cannot write must not be replaced either.
    let file = OpenOptions::new().write(true).open(path)?;
    if existing.nlink() > 1 || has_attributes(&file) {
        return write_in_place(file, render);
    }
    match replacement_file(path, existing) {
        Ok(temporary) => match render_into(temporary, render)?.persist(path) {
            Ok(_) => sync_folder(path),
            // A mount point, or a file of another owner in a sticky folder: copy the rendered content into it.
            Err(error) if cannot_replace(&error.error) => {
                let rendered = fs::read(error.file.path())?;
                return write_in_place(file, |out| out.write_all(&rendered));
            }
            Err(error) => return Err(error.error),
        },
        Err(error) if cannot_replace(&error) => return write_in_place(file, render),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Creates an empty file in the folder of `path` with the mode, owner and group of the file that it will replace.
fn replacement_file(path: &Path, existing: &Metadata) -> io::Result<NamedTempFile> {
    let file = temporary_file(parent_folder(path), 0o600)?;
    let new_metadata = file.as_file().metadata()?;
    let differs = |old: u32, new: u32| (old != new).then_some(old);
    let (owner, group) = (differs(existing.uid(), new_metadata.uid()), differs(existing.gid(), new_metadata.gid()));
    if owner.is_some() || group.is_some() {
        std::os::unix::fs::fchown(file.as_file(), owner, group)?;
    }
    file.as_file().set_permissions(Permissions::from_mode(existing.mode() & 0o7777))?;
    Ok(file)
}

fn create_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    render_into(temporary_file(parent_folder(path), NEW_FILE_MODE)?, render)?
        .persist(path)
        .map_err(|error| error.error)?;
    sync_folder(path);
    Ok(())
}

fn render_into(
    file: NamedTempFile,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut out = BufWriter::new(file);
    render(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Syncs the folder, which makes a rename durable; not every file system supports it.
fn sync_folder(path: &Path) {
    File::open(parent_folder(path)).and_then(|folder| folder.sync_all()).ok();
}

/// Renders first, so that an error of `render` leaves the file unchanged.
fn write_in_place(mut file: File, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut content = Vec::new();
    render(&mut content)?;
    let written = file.write_all(&content).and_then(|()| file.set_len(content.len() as u64));
    written.and_then(|()| file.sync_all()).map_err(|error| {
        let text = error.to_string();
        let text = text.split(" (os error ").next().unwrap_or(&text);
        io::Error::new(error.kind(), format!("{text}; its content is incomplete"))
    })
}

/// Returns whether the system refused to replace the file, which may still be writable.
fn cannot_replace(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | ResourceBusy | CrossesDevices)
}

/// Returns whether a file has an ACL or extended attributes, which a new file would lack. Security labels are
/// ignored, because the system sets them.
fn has_attributes(file: &File) -> bool {
    let mut names = vec![0_u8; 64 << 10];
    let length = rustix::fs::flistxattr(file, &mut names[..]).unwrap_or(0);
    let mut names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.any(|name| !name.starts_with(b"security."))
}

#[cfg(test)]
mod tests;
