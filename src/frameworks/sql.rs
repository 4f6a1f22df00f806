//! Scripts for psql: `<version>_<name>.up.sql` and `.down.sql`.

use super::{
    Folder, Migration, NewFile, NotWritable, header::sql_header, migration::lines, stem::Stems, version::Style,
};
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut stems = Stems::after(folder, ".sql", Style::Seconds, now);
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
