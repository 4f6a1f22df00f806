//! Liquibase: a changelog in formatted SQL, a changeset for each statement of the way back.

use super::{
    Folder, Migration, NewFile, NotWritable, header::sql_header, migration::NOTHING, stem::Stems, version::Style,
};
use crate::plan::index_cleanup::Statement;
use jiff::Timestamp;

const OPTIONS: &str = "splitStatements:false stripComments:false rollbackSplitStatements:false";

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut stems = Stems::after(folder, "", Style::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let path = format!("{stem}.sql").into();
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
                "\n--changeset pgtend:{}-{} runInTransaction:{in_transaction} {OPTIONS}\n{sql};\n--rollback {};\n",
                stem.version,
                number + 1,
                step.sql
            ));
        }
        files.push(NewFile { path, text });
    }
    Ok(files)
}
