//! Writes all files or none.

use super::NewFile;
use crate::actions::ConfirmedPlan;
use crate::output_file::{NEW_FILE_MODE, parent_folder, temporary_file};
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file exists already.
    #[error("{} already exists; nothing was written", .0.display())]
    Exists(PathBuf),
    /// A file or folder could not be written.
    #[error("cannot write {}: {reason}; nothing was written", path.display())]
    Failed {
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        reason: String,
    },
}

/// Writes the files of a confirmed plan below `folder`, which is created if necessary. It replaces no file, and removes
/// what a failure leaves incomplete. Files get their names only after all are on the disk under temporary names, so
/// that a full disk or a crash leaves none of them.
///
/// # Errors
///
/// A file exists already, or could not be written. Nothing is written then.
pub fn write_migration_files<P>(
    _: &ConfirmedPlan<P>,
    folder: &Path,
    files: &[NewFile],
) -> Result<Vec<PathBuf>, WriteError> {
    write_all_or_none(folder, files)
}

fn write_all_or_none(folder: &Path, files: &[NewFile]) -> Result<Vec<PathBuf>, WriteError> {
    let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(WriteError::Exists(path.clone()));
    }
    let mut cleanup = WriteCleanup { folders: Vec::new(), files: Vec::new(), is_complete: false };
    let mut temporary_files = Vec::new();
    for (file, path) in files.iter().zip(&paths) {
        temporary_files.push(write_temporary_file(path, &file.text, &mut cleanup)?);
    }
    for (file, path) in temporary_files.into_iter().zip(&paths) {
        persist_new_file(file, path, &mut cleanup)?;
    }
    cleanup.is_complete = true;
    Ok(paths)
}

fn write_failed(path: &Path, error: &io::Error) -> WriteError {
    WriteError::Failed { path: path.to_path_buf(), reason: error_text(error) }
}

/// Writes a file to the disk, under a name that no tool takes for a migration.
fn write_temporary_file(path: &Path, text: &str, cleanup: &mut WriteCleanup) -> Result<NamedTempFile, WriteError> {
    let folder = parent_folder(path);
    make_folder(folder, cleanup).map_err(|error| write_failed(path, &error))?;
    let mut file = temporary_file(folder, NEW_FILE_MODE).map_err(|error| write_failed(path, &error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| write_failed(path, &error))?;
    Ok(file)
}

/// Renames the file, unless its name exists by now.
fn persist_new_file(file: NamedTempFile, path: &Path, cleanup: &mut WriteCleanup) -> Result<(), WriteError> {
    match file.persist_noclobber(path) {
        Ok(_) => {
            cleanup.files.push(path.to_path_buf());
            Ok(())
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(WriteError::Exists(path.to_path_buf())),
        Err(error) => Err(write_failed(path, &error.error)),
    }
}

fn make_folder(folder: &Path, cleanup: &mut WriteCleanup) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    for path in missing.into_iter().rev() {
        fs::create_dir(path)?;
        cleanup.folders.push(path.to_path_buf());
    }
    Ok(())
}

fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// What was created, and is removed again if not everything was.
struct WriteCleanup {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    is_complete: bool,
}

impl Drop for WriteCleanup {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        for file in self.files.iter().rev() {
            fs::remove_file(file).ok();
        }
        for folder in self.folders.iter().rev() {
            fs::remove_dir(folder).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> NewFile {
        NewFile { path: path.into(), text: format!("-- {path}\n") }
    }

    fn list_names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    #[test]
    fn write_is_all_or_none() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("db/migrations");
        let written = write_all_or_none(&folder, &[file("1_a/up.sql"), file("1_a/down.sql"), file("2.sql")]).unwrap();
        assert_eq!(fs::read_to_string(&written[1]).unwrap(), "-- 1_a/down.sql\n");
        assert_eq!(list_names(&folder), ["1_a", "2.sql"]);
        // The third file exists already, so the first two are not written.
        let error = write_all_or_none(&folder, &[file("3.sql"), file("4_b/up.sql"), file("2.sql")]).unwrap_err();
        assert!(matches!(error, WriteError::Exists(_)), "{error}");
        assert_eq!(list_names(&folder), ["1_a", "2.sql"]);
        // The third file cannot be written, because its folder is a file.
        let error = write_all_or_none(&folder, &[file("3.sql"), file("4_b/up.sql"), file("2.sql/x.sql")]).unwrap_err();
        assert!(error.to_string().contains("nothing was written"), "{error}");
        assert_eq!(list_names(&folder), ["1_a", "2.sql"]);
        // Folders that the failed call created are removed, too.
        let other = root.path().join("new/deep");
        write_all_or_none(&other, &[file("a.sql"), file("a.sql/b.sql")]).unwrap_err();
        assert!(!root.path().join("new").exists());
    }
}
