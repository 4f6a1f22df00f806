//! A folder of migrations as it is.

use super::MigrationError;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What lies in a folder of migrations; a folder that is not there yet is empty.
#[derive(Clone, Debug, Default)]
pub struct MigrationFolder {
    pub path: PathBuf,
    /// Names of files and folders in it, sorted.
    pub names: Vec<String>,
}

impl MigrationFolder {
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

    /// The text of a file in it.
    pub fn text(&self, name: &str) -> Result<String, MigrationError> {
        let path = self.path.join(name);
        let bytes = fs::read(&path)
            .map_err(|error| MigrationError::Unreadable(format!("cannot read {}: {}", path.display(), error.kind())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Names that end so, without the ending.
    pub fn stems_with_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a str> {
        self.names.iter().filter_map(move |name| name.strip_suffix(ending))
    }

    pub fn display(&self) -> String {
        self.path.display().to_string()
    }
}
