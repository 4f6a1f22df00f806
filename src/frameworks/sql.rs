//! Scripts for psql: `<version>_<name>.up.sql` and `.down.sql`.

use super::{
    Folder, Migration, NewFile, NotWritable,
    header::sql_header,
    migration::{lines, unused},
    version::{Style, Versions, leading_digits},
};
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut versions = Versions::after(folder.with_ending(".sql").map(leading_digits), Style::Seconds, now);
    let mut taken = names(folder);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = format!("{}_{}", versions.next(), unused(&migration.name(), &mut taken));
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
