//! goose: one file with an Up and a Down section, split at each semicolon that ends a line.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile, header::sql_header, stem::Stems, version::VersionStyle,
};
use crate::actions::index_migration::plan::Statement;
use jiff::Timestamp;

pub fn goose_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let mut stems = Stems::after(folder, ".sql", VersionStyle::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        let path = format!("{}.sql", stems.next(&migration.name())).into();
        let down: String = migration.down_statements().into_iter().map(goose_statement).collect();
        let text = format!(
            "-- +goose NO TRANSACTION\n{}-- +goose Up\n{}\n-- +goose Down\n{down}",
            sql_header(&migration.header, &down),
            goose_statement(&migration.up),
        );
        files.push(NewFile { path, text });
    }
    Ok(files)
}

/// Encloses a statement in marks when goose could find an end or a comment in it (`internal/sqlparser/parser.go`).
fn goose_statement(step: &Statement) -> String {
    let is_plain = !step.sql.contains(';') && !step.sql.contains("--");
    match is_plain {
        true => format!("{};\n", step.sql),
        false => format!("-- +goose StatementBegin\n{};\n-- +goose StatementEnd\n", step.sql),
    }
}
