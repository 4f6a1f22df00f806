//! node-pg-migrate: `<milliseconds>_<name>.js`, or named like the folder's other files. Both directions run outside its
//! transaction.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    knex::ScriptDialect,
    quote::{double_quoted, format_comment},
    stem::Stems,
    version::{VersionStyle, leading_digits},
};
use crate::actions::index_migration::plan::Statement;
use jiff::Timestamp;

pub fn node_pg_migrate_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let newest = folder.names.iter().rev().find(|name| !leading_digits(name).is_empty());
    let dashes = newest.is_some_and(|name| name[leading_digits(name).len()..].starts_with('-'));
    let mut stems = Stems::after(folder, "", VersionStyle::Milliseconds, now);
    let dialect = ScriptDialect::from_folder(folder)?;
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let separator = if dashes { "-" } else { "_" };
        let path = format!("{}{separator}{}.{}", stem.version, stem.name, dialect.ending).into();
        let (up_prefix, down_prefix) = (dialect.export_prefix("up"), dialect.export_prefix("down"));
        let argument = dialect.typed_argument("pgm", "import(\"node-pg-migrate\").MigrationBuilder");
        let text = format!(
            "{}{up_prefix}({argument}) => {{\n  pgm.noTransaction();\n{}}};\n\n{down_prefix}({argument}) => {{\n  pgm.noTransaction();\n{}}};\n",
            format_comment("//", &migration.header),
            sql_call(&migration.up),
            migration.down_statements().into_iter().map(sql_call).collect::<String>(),
        );
        files.push(NewFile { path, text });
    }
    Ok(files)
}

fn sql_call(step: &Statement) -> String {
    format!("  pgm.sql({});\n", double_quoted(&step.sql))
}
