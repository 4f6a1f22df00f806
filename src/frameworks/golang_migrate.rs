//! golang-migrate: `<version>_<name>.up.sql` and `.down.sql`, each sent as one query and in no transaction
//! (`database/postgres/postgres.go`, `Run`): several statements of one file share an implicit transaction.

use super::{
    Folder, Migration, NewFile, NotWritable,
    header::{of_piece, sql_header},
    stem::Stems,
    version::Style,
};
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    pair(folder, migrations, now, |_| "")
}

/// A pair of files a piece; `first_line` of what runs outside of transactions.
pub fn pair(
    folder: &Folder,
    migrations: &[Migration],
    now: Timestamp,
    first_line: impl Fn(bool) -> &'static str,
) -> Result<Vec<NewFile>, NotWritable> {
    let mut stems = Stems::after(folder, ".sql", Style::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        for piece in migration.pieces() {
            let stem = stems.next(&piece.name);
            let header = of_piece(&migration.header, &piece);
            let ways = [
                ("up", format!("{};\n", piece.up_sql()), piece.up_runs_alone()),
                ("down", piece.down_sql(), piece.down_runs_alone()),
            ];
            for (way, statements, alone) in ways {
                let text = format!("{}{}{statements}", first_line(alone), sql_header(&header, &statements));
                files.push(NewFile { path: format!("{stem}.{way}.sql").into(), text });
            }
        }
    }
    Ok(files)
}
