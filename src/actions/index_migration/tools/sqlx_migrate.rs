//! sqlx: `<version>_<name>.up.sql` and `.down.sql`, or `<version>_<name>.sql` if the folder has no rollbacks. A file
//! that runs outside a transaction begins with `-- no-transaction` (sqlx 0.8 and newer).

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    golang_migrate::up_down_files,
    header::sql_header,
    migration::join_statements,
    quote::format_comment,
    stem::Stems,
    version::{VersionStyle, leading_digits},
};
use jiff::Timestamp;

const NO_TRANSACTION_LINE: &str = "-- no-transaction\n";

pub fn sqlx_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let is_migration = |name: &&String| name.ends_with(".sql") && !leading_digits(name).is_empty();
    let migration_names: Vec<&String> = folder.names.iter().filter(is_migration).collect();
    let reversible =
        migration_names.iter().filter(|name| name.ends_with(".up.sql") || name.ends_with(".down.sql")).count();
    if reversible == migration_names.len() {
        return up_down_files(folder, migrations, now, |alone| if alone { NO_TRANSACTION_LINE } else { "" });
    }
    if reversible > 0 {
        let what = "simple and reversible ones, which sqlx refuses";
        return Err(MigrationError::Mixed { folder: folder.display(), what });
    }
    let mut stems = Stems::after(folder, ".sql", VersionStyle::Seconds, now);
    let write = |migration: &Migration| {
        let path = format!("{}.sql", stems.next(&migration.name())).into();
        let up = join_statements([&migration.up]);
        let first = if migration.up.non_transactional { NO_TRANSACTION_LINE } else { "" };
        let mut down_comment = vec!["Rollback statements (this folder has no down migrations):".to_owned()];
        down_comment.extend(migration.down_statements().iter().map(|step| format!("  {};", step.sql)));
        NewFile {
            path,
            text: format!("{first}{}{up}{}", sql_header(&migration.header, &up), format_comment("--", &down_comment)),
        }
    };
    Ok(migrations.iter().map(write).collect())
}
