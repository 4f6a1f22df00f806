//! What the next migration of a folder is called: its number and its name.

use super::{
    Folder,
    migration::unused_by,
    version::{Style, Versions, leading_digits},
};
use jiff::Timestamp;
use std::fmt;

/// `20260131235959_drop_users_idx`.
pub struct Stem {
    pub version: String,
    pub name: String,
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.version, self.name)
    }
}

/// One after the other: numbers after those of the folder's files, names that none of its files bears.
pub struct Stems {
    versions: Versions,
    taken: Vec<String>,
    /// Two names are one to the tool where this makes the same of both.
    seen_as: fn(&str) -> String,
}

impl Stems {
    /// After the files with that ending.
    pub fn after(folder: &Folder, ending: &str, style: Style, now: Timestamp) -> Stems {
        let versions = Versions::after(folder.with_ending(ending).map(leading_digits), style, now);
        Stems { versions, taken: names(folder), seen_as: str::to_ascii_lowercase }
    }

    /// For a tool that makes something else of a name.
    pub fn seen_as(self, seen_as: fn(&str) -> String) -> Stems {
        Stems { seen_as, ..self }
    }

    pub fn next(&mut self, name: &str) -> Stem {
        Stem { version: self.versions.next(), name: unused_by(name, &mut self.taken, self.seen_as) }
    }
}

/// What the folder's migrations are called, without number and ending.
fn names(folder: &Folder) -> Vec<String> {
    let name = |file: &String| {
        let stem = file.split('.').next().unwrap_or_default();
        stem.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | 'V' | 'U')).to_owned()
    };
    let mut names: Vec<String> = folder.names.iter().map(name).collect();
    names.dedup();
    names
}
