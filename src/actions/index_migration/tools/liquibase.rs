//! Liquibase: a changelog in formatted SQL with one changeset per statement of the rollback.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile, header::sql_header, migration::NO_OP_STATEMENT, stem::Stems,
    version::VersionStyle,
};
use crate::actions::index_migration::plan::Statement;
use jiff::Timestamp;

const CHANGESET_OPTIONS: &str = "splitStatements:false stripComments:false rollbackSplitStatements:false";

pub fn liquibase_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let mut stems = Stems::after(folder, "", VersionStyle::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let path = format!("{stem}.sql").into();
        let down: Vec<&Statement> = migration.down.iter().filter(|step| !step.is_precaution).collect();
        let down_sql: String = down.iter().map(|step| format!("{};\n", step.sql)).collect();
        let mut text = format!("--liquibase formatted sql\n{}", sql_header(&migration.header, &down_sql));
        let count = down.len();
        // Rollback runs from the last changeset to the first.
        for (number, step) in down.into_iter().rev().enumerate() {
            let up = (number + 1 == count).then_some(&migration.up);
            let in_transaction = !step.non_transactional && !up.is_some_and(|up| up.non_transactional);
            let sql = up.map_or(NO_OP_STATEMENT, |up| &up.sql);
            for sql in [sql, &step.sql] {
                if sql.contains("${") {
                    let why = "it replaces ${…} by a property";
                    return Err(MigrationError::Inexpressible { framework: "Liquibase", sql: sql.to_owned(), why });
                }
            }
            text.push_str(&format!(
                "\n--changeset pgtend:{}-{} runInTransaction:{in_transaction} {CHANGESET_OPTIONS}\n{sql};\n--rollback {};\n",
                stem.version,
                number + 1,
                step.sql
            ));
        }
        files.push(NewFile { path, text });
    }
    Ok(files)
}
