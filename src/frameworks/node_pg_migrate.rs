//! node-pg-migrate: `<milliseconds>_<name>.js`, or as the folder's others are called. Both ways leave its transaction.

use super::{
    Folder, Migration, NewFile, NotWritable,
    knex::Dialect,
    quote::{comment, double_quoted},
    stem::Stems,
    version::{Style, leading_digits},
};
use crate::plan::index_cleanup::Statement;
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let newest = folder.names.iter().rev().find(|name| !leading_digits(name).is_empty());
    let dashes = newest.is_some_and(|name| name[leading_digits(name).len()..].starts_with('-'));
    let mut stems = Stems::after(folder, "", Style::Milliseconds, now);
    let dialect = Dialect::of(folder)?;
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let separator = if dashes { "-" } else { "_" };
        let path = format!("{}{separator}{}.{}", stem.version, stem.name, dialect.ending).into();
        let (way_there, way_back) = (dialect.function("up"), dialect.function("down"));
        let argument = dialect.argument("pgm", "import(\"node-pg-migrate\").MigrationBuilder");
        let text = format!(
            "{}{way_there}({argument}) => {{\n  pgm.noTransaction();\n{}}};\n\n{way_back}({argument}) => {{\n  pgm.noTransaction();\n{}}};\n",
            comment("//", &migration.header),
            sql(&migration.up),
            migration.whole_way_back().into_iter().map(sql).collect::<String>(),
        );
        files.push(NewFile { path, text });
    }
    Ok(files)
}

fn sql(step: &Statement) -> String {
    format!("  pgm.sql({});\n", double_quoted(&step.sql))
}
