//! dbmate: one file with a `migrate:up` and a `migrate:down` section, each sent as one query.

use super::{
    Folder, Migration, NewFile, NotWritable,
    header::{of_piece, sql_header},
    stem::Stems,
    version::Style,
};
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut stems = Stems::after(folder, ".sql", Style::Seconds, now);
    let mut files = Vec::new();
    for migration in migrations {
        for piece in migration.pieces() {
            let path = format!("{}.sql", stems.next(&piece.name)).into();
            let option = |alone: bool| if alone { " transaction:false" } else { "" };
            let header = sql_header(&of_piece(&migration.header, &piece), &piece.down_sql());
            let text = format!(
                "{header}-- migrate:up{}\n{};\n\n-- migrate:down{}\n{}",
                option(piece.up_runs_alone()),
                piece.up_sql(),
                option(piece.down_runs_alone()),
                piece.down_sql()
            );
            files.push(NewFile { path, text });
        }
    }
    Ok(files)
}
