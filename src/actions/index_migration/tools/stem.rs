//! Names of the next migrations in a folder: number and name.

use super::{
    MigrationFolder,
    migration::unused_name_by,
    version::{VersionSequence, VersionStyle, leading_digits},
};
use jiff::Timestamp;
use std::fmt;

/// Number and name, such as `20260131235959_drop_users_idx`.
pub struct Stem {
    pub version: String,
    pub name: String,
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.version, self.name)
    }
}

/// Sequence of unused names: numbers greater than those of the folder's files, and names that none of them has.
pub struct Stems {
    versions: VersionSequence,
    taken: Vec<String>,
    /// Two names are equal to the tool when this returns the same for both.
    normalize: fn(&str) -> String,
}

impl Stems {
    /// Continues after the files with this ending.
    pub fn after(folder: &MigrationFolder, ending: &str, style: VersionStyle, now: Timestamp) -> Stems {
        let versions = VersionSequence::after(folder.stems_with_ending(ending).map(leading_digits), style, now);
        Stems { versions, taken: migration_names(folder), normalize: str::to_ascii_lowercase }
    }

    /// Compares names as a tool with its own normalization does.
    pub fn with_normalizer(self, seen_as: fn(&str) -> String) -> Stems {
        Stems { normalize: seen_as, ..self }
    }

    pub fn next(&mut self, name: &str) -> Stem {
        Stem { version: self.versions.next(), name: unused_name_by(name, &mut self.taken, self.normalize) }
    }
}

/// Returns the names of the folder's migrations, without number and ending.
fn migration_names(folder: &MigrationFolder) -> Vec<String> {
    let name = |file: &String| {
        let stem = file.split('.').next().unwrap_or_default();
        stem.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | 'V' | 'U')).to_owned()
    };
    let mut names: Vec<String> = folder.names.iter().map(name).collect();
    names.dedup();
    names
}
