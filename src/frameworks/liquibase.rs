//! Liquibase: a changelog in formatted SQL, a changeset for each statement of the way back.

use super::{
    Folder, Migration, NewFile, NotWritable,
    header::sql_header,
    migration::{NOTHING, unused},
    sql::names,
    version::{Style, Versions, leading_digits},
};
use crate::plan::index_cleanup::Statement;
use jiff::Timestamp;

const OPTIONS: &str = "splitStatements:false stripComments:false rollbackSplitStatements:false";

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut versions = Versions::after(folder.names.iter().map(|name| leading_digits(name)), Style::Seconds, now);
    let mut taken = names(folder);
    let mut files = Vec::new();
    for migration in migrations {
        let version = versions.next();
        let path = format!("{version}_{}.sql", unused(&migration.name(), &mut taken)).into();
        let back: Vec<&Statement> = migration.down.iter().filter(|step| !step.is_precaution).collect();
        let whole: String = back.iter().map(|step| format!("{};\n", step.sql)).collect();
        let mut text = format!("--liquibase formatted sql\n{}", sql_header(&migration.header, &whole));
        let count = back.len();
        // Rolled back from the last one.
        for (number, step) in back.into_iter().rev().enumerate() {
            let up = (number + 1 == count).then_some(&migration.up);
            let in_transaction = !step.runs_alone && !up.is_some_and(|up| up.runs_alone);
            let sql = up.map_or(NOTHING, |up| &up.sql);
            for sql in [sql, &step.sql] {
                if sql.contains("${") {
                    let why = "it reads ${…} as a property";
                    return Err(NotWritable::CannotSay { framework: "Liquibase", sql: sql.to_owned(), why });
                }
            }
            text.push_str(&format!(
                "\n--changeset pgtend:{version}-{} runInTransaction:{in_transaction} {OPTIONS}\n{sql};\n--rollback {};\n",
                number + 1,
                step.sql
            ));
        }
        files.push(NewFile { path, text });
    }
    Ok(files)
}
