//! golang-migrate: `<version>_<name>.up.sql` and `.down.sql`, each sent as one query without a transaction
//! (`database/postgres/postgres.go`, `Run`). Several statements of one file share an implicit transaction.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    header::{part_header, sql_header},
    stem::Stems,
    version::VersionStyle,
};
use jiff::Timestamp;

pub fn golang_migrate_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    up_down_files(folder, migrations, now, |_| "")
}

/// Returns a pair of files per part. `first_line` begins files that run outside a transaction.
pub fn up_down_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
    first_line: impl Fn(bool) -> &'static str,
) -> Result<Vec<NewFile>, MigrationError> {
    let mut stems = Stems::after(folder, ".sql", VersionStyle::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        for part in migration.parts() {
            let stem = stems.next(&part.name);
            let header = part_header(&migration.header, &part);
            let scripts = [
                ("up", format!("{};\n", part.up_sql()), part.up_is_non_transactional()),
                ("down", part.down_sql(), part.down_is_non_transactional()),
            ];
            for (direction, statements, alone) in scripts {
                let text = format!("{}{}{statements}", first_line(alone), sql_header(&header, &statements));
                files.push(NewFile { path: format!("{stem}.{direction}.sql").into(), text });
            }
        }
    }
    Ok(files)
}
