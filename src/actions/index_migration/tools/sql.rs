//! Scripts for psql: `<version>_<name>.up.sql` and `.down.sql`.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile, header::sql_header, migration::join_statements, stem::Stems,
    version::VersionStyle,
};
use jiff::Timestamp;

pub fn sql_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let mut stems = Stems::after(folder, ".sql", VersionStyle::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let up = join_statements([&migration.up]);
        let down = join_statements(migration.down_statements());
        for (direction, statements) in [("up", up), ("down", down)] {
            let header = sql_header(&migration.header, &statements);
            // By default, psql continues after an error.
            let text = format!("{header}\\set ON_ERROR_STOP on\n{statements}");
            files.push(NewFile { path: format!("{stem}.{direction}.sql").into(), text });
        }
    }
    Ok(files)
}
