//! dbmate: one file with a `migrate:up` and a `migrate:down` section, each sent as one query.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    header::{part_header, sql_header},
    stem::Stems,
    version::VersionStyle,
};
use jiff::Timestamp;

pub fn dbmate_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let mut stems = Stems::after(folder, ".sql", VersionStyle::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        for part in migration.parts() {
            let path = format!("{}.sql", stems.next(&part.name)).into();
            let option = |alone: bool| if alone { " transaction:false" } else { "" };
            let header = sql_header(&part_header(&migration.header, &part), &part.down_sql());
            let text = format!(
                "{header}-- migrate:up{}\n{};\n\n-- migrate:down{}\n{}",
                option(part.up_is_non_transactional()),
                part.up_sql(),
                option(part.down_is_non_transactional()),
                part.down_sql()
            );
            files.push(NewFile { path, text });
        }
    }
    Ok(files)
}
