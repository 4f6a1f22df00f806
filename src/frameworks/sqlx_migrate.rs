//! sqlx: `<version>_<name>.up.sql` and `.down.sql`, or `<version>_<name>.sql` where the folder has no way back. What
//! must run outside of a transaction begins, at its very first byte, with `-- no-transaction` (sqlx 0.8 and newer).

use super::{
    Folder, Migration, NewFile, NotWritable,
    golang_migrate::pair,
    header::sql_header,
    migration::lines,
    quote::comment,
    stem::Stems,
    version::{Style, leading_digits},
};
use jiff::Timestamp;

const ALONE: &str = "-- no-transaction\n";

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let is_migration = |name: &&String| name.ends_with(".sql") && !leading_digits(name).is_empty();
    let all: Vec<&String> = folder.names.iter().filter(is_migration).collect();
    let reversible = all.iter().filter(|name| name.ends_with(".up.sql") || name.ends_with(".down.sql")).count();
    if reversible == all.len() {
        return pair(folder, migrations, now, |alone| if alone { ALONE } else { "" });
    }
    if reversible > 0 {
        let what = "simple and reversible ones, which sqlx refuses";
        return Err(NotWritable::Mixed { folder: folder.display(), what });
    }
    let mut stems = Stems::after(folder, ".sql", Style::Seconds, now);
    let write = |migration: &Migration| {
        let path = format!("{}.sql", stems.next(&migration.name())).into();
        let up = lines([&migration.up]);
        let first = if migration.up.runs_alone { ALONE } else { "" };
        let mut back = vec!["The way back, statement by statement (this folder has no down migrations):".to_owned()];
        back.extend(migration.whole_way_back().iter().map(|step| format!("  {};", step.sql)));
        NewFile { path, text: format!("{first}{}{up}{}", sql_header(&migration.header, &up), comment("--", &back)) }
    };
    Ok(migrations.iter().map(write).collect())
}
