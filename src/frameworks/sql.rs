//! Scripts for psql: `<version>_<name>.up.sql` and `.down.sql`.

use super::{
    Folder, Migration, NewFile, NotWritable,
    header::sql_header,
    migration::{lines, unused},
    version::{Style, Versions, leading_digits},
};
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut stems = Stems::after(folder, now);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let up = lines([&migration.up]);
        let down = lines(migration.whole_way_back());
        for (way, statements) in [("up", up), ("down", down)] {
            let header = sql_header(&migration.header, &statements);
            // psql goes on after an error unless it is told not to.
            let text = format!("{header}\\set ON_ERROR_STOP on\n{statements}");
            files.push(NewFile { path: format!("{stem}.{way}.sql").into(), text });
        }
    }
    Ok(files)
}

/// `<version>_<name>` of one file after the other: numbers after those of the folder's `.sql` files, names that none of
/// its files bears.
pub struct Stems {
    versions: Versions,
    taken: Vec<String>,
}

impl Stems {
    pub fn after(folder: &Folder, now: Timestamp) -> Stems {
        let versions = Versions::after(folder.with_ending(".sql").map(leading_digits), Style::Seconds, now);
        Stems { versions, taken: names(folder) }
    }

    pub fn next(&mut self, name: &str) -> String {
        format!("{}_{}", self.versions.next(), unused(name, &mut self.taken))
    }
}

/// What the folder's migrations are called, without number and ending.
pub fn names(folder: &Folder) -> Vec<String> {
    let name = |file: &String| {
        let stem = file.split('.').next().unwrap_or_default();
        stem.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | 'V' | 'U')).to_owned()
    };
    let mut names: Vec<String> = folder.names.iter().map(name).collect();
    names.dedup();
    names
}
