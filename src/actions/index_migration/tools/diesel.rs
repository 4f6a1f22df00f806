//! diesel: one folder per migration with `up.sql`, `down.sql` and, if both run outside a transaction, `metadata.toml`.
//! Each file is sent as one query.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    header::{part_header, sql_header},
    migration::unused_name,
    version::{VersionSequence, VersionStyle},
};
use jiff::Timestamp;

pub fn diesel_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    // `2026-01-31-235959_name`; the version consists of the digits.
    let version = |name: &String| -> String {
        let head = name.split('_').next().unwrap_or_default();
        head.chars().filter(char::is_ascii_digit).collect()
    };
    let existing: Vec<String> = folder.names.iter().map(version).collect();
    let mut versions = VersionSequence::after(existing.iter().map(String::as_str), VersionStyle::Seconds, now);
    let mut taken: Vec<String> =
        folder.names.iter().filter_map(|name| Some(name.split_once('_')?.1.to_owned())).collect();
    let mut files = Vec::new();
    for migration in migrations {
        for part in migration.parts() {
            let version = dashed_version(&versions.next());
            let stem = format!("{version}_{}", unused_name(&part.name, &mut taken));
            let header = part_header(&migration.header, &part);
            let up = format!("{};\n", part.up_sql());
            let down = part.down_sql();
            let mut add =
                |name: &str, text: String| files.push(NewFile { path: format!("{stem}/{name}").into(), text });
            add("up.sql", format!("{}{up}", sql_header(&header, &up)));
            add("down.sql", format!("{}{down}", sql_header(&header, &down)));
            if part.up_is_non_transactional() || part.down_is_non_transactional() {
                add("metadata.toml", "run_in_transaction = false\n".to_owned());
            }
        }
    }
    Ok(files)
}

/// Formats a time like `diesel migration generate`.
fn dashed_version(version: &str) -> String {
    match version.len() {
        14 => format!("{}-{}-{}-{}", &version[..4], &version[4..6], &version[6..8], &version[8..]),
        _ => version.to_owned(),
    }
}
