//! Flyway: `V<version>__<name>.sql`, its undo `U…` and a `.conf` for each, which is the only place to disable the
//! transaction.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    header::sql_header,
    migration::{join_statements, unused_name},
    version::{VersionSequence, VersionStyle},
};
use jiff::Timestamp;

const SCRIPT_CONFIG: &str = "executeInTransaction=false\nplaceholderReplacement=false\n";

pub fn flyway_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let existing = folder.names.iter().filter_map(|name| name.strip_prefix('V')?.split_once("__"));
    let (numbers, mut taken): (Vec<&str>, Vec<String>) =
        existing.map(|(version, rest)| (version, rest.trim_end_matches(".sql").to_owned())).unzip();
    let mut versions = DottedVersions::after(&numbers, now);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = format!("{}__{}", versions.next(), unused_name(&migration.name(), &mut taken));
        let scripts = [("V", join_statements([&migration.up])), ("U", join_statements(migration.down_statements()))];
        for (prefix, statements) in scripts {
            let text = format!("{}{statements}", sql_header(&migration.header, &statements));
            files.push(NewFile { path: format!("{prefix}{stem}.sql").into(), text });
            files.push(NewFile { path: format!("{prefix}{stem}.sql.conf").into(), text: SCRIPT_CONFIG.to_owned() });
        }
    }
    Ok(files)
}

/// Versions such as `7`, `2.11` or `2_11`; the last part is incremented.
struct DottedVersions {
    head: String,
    versions: VersionSequence,
}

impl DottedVersions {
    fn after(existing: &[&str], now: Timestamp) -> DottedVersions {
        let parts =
            |version: &str| -> Vec<u64> { version.split(['.', '_']).map(|part| part.parse().unwrap_or(0)).collect() };
        let last = existing.iter().copied().max_by_key(|version| parts(version)).unwrap_or_default();
        let begin = last.rfind(['.', '_']).map_or(0, |separator| separator + 1);
        let (head, tail) = last.split_at(begin);
        let tails = existing.iter().filter(|_| !tail.is_empty()).map(|_| tail);
        DottedVersions { head: head.to_owned(), versions: VersionSequence::after(tails, VersionStyle::Seconds, now) }
    }

    fn next(&mut self) -> String {
        format!("{}{}", self.head, self.versions.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flyway_increments_last_version_part() {
        let now = "2026-01-31T23:59:58Z".parse().unwrap();
        for (existing, expected) in [
            (&[][..], "20260131235958"),
            (&["1", "10", "9"], "11"),
            (&["1.2", "1.10", "1.9"], "1.11"),
            (&["2_07"], "2_08"),
            (&["20270101000000"], "20270101000001"),
        ] {
            assert_eq!(DottedVersions::after(existing, now).next(), expected);
        }
    }
}
