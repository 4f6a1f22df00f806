//! A folder of migrations.

use super::MigrationError;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Content of a folder of migrations; a folder that does not exist is empty.
#[derive(Clone, Debug, Default)]
pub struct MigrationFolder {
    /// Path of the folder.
    pub path: PathBuf,
    /// Names of the files and folders in it, sorted.
    pub names: Vec<String>,
}

impl MigrationFolder {
    /// Lists the folder.
    ///
    /// # Errors
    ///
    /// The folder exists and cannot be read.
    pub fn read(path: &Path) -> io::Result<MigrationFolder> {
        let mut names = Vec::new();
        match fs::read_dir(path) {
            Ok(entries) => {
                for entry in entries {
                    names.push(entry?.file_name().to_string_lossy().into_owned());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        names.sort();
        Ok(MigrationFolder { path: path.to_path_buf(), names })
    }

    /// Returns the text of a file in the folder.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Unreadable`] when the file cannot be read.
    pub fn text(&self, name: &str) -> Result<String, MigrationError> {
        let path = self.path.join(name);
        let bytes = fs::read(&path)
            .map_err(|error| MigrationError::Unreadable(format!("cannot read {}: {}", path.display(), error.kind())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the names with this ending, without the ending.
    pub fn stems_with_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a str> {
        self.names.iter().filter_map(move |name| name.strip_suffix(ending))
    }

    /// Returns the path for messages.
    pub fn display(&self) -> String {
        self.path.display().to_string()
    }
}
