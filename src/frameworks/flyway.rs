//! Flyway: `V<version>__<name>.sql`, its undo `U…` and for each a `.conf`: only there can a script leave the transaction.

use super::{
    Folder, Migration, NewFile, NotWritable,
    header::sql_header,
    migration::{lines, unused},
    version::{Style, Versions},
};
use jiff::Timestamp;

const CONF: &str = "executeInTransaction=false\nplaceholderReplacement=false\n";

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let existing = folder.names.iter().filter_map(|name| name.strip_prefix('V')?.split_once("__"));
    let (numbers, mut taken): (Vec<&str>, Vec<String>) =
        existing.map(|(version, rest)| (version, rest.trim_end_matches(".sql").to_owned())).unzip();
    let mut versions = Dotted::after(&numbers, now);
    let mut files = Vec::new();
    for migration in migrations {
        let stem = format!("{}__{}", versions.next(), unused(&migration.name(), &mut taken));
        let ways = [("V", lines([&migration.up])), ("U", lines(migration.whole_way_back()))];
        for (way, statements) in ways {
            let text = format!("{}{statements}", sql_header(&migration.header, &statements));
            files.push(NewFile { path: format!("{way}{stem}.sql").into(), text });
            files.push(NewFile { path: format!("{way}{stem}.sql.conf").into(), text: CONF.to_owned() });
        }
    }
    Ok(files)
}

/// Versions such as `7`, `2.11` or `2_11`: the last part counts up.
struct Dotted {
    head: String,
    versions: Versions,
}

impl Dotted {
    fn after(existing: &[&str], now: Timestamp) -> Dotted {
        let parts =
            |version: &str| -> Vec<u64> { version.split(['.', '_']).map(|part| part.parse().unwrap_or(0)).collect() };
        let last = existing.iter().copied().max_by_key(|version| parts(version)).unwrap_or_default();
        let at = last.rfind(['.', '_']).map_or(0, |at| at + 1);
        let (head, tail) = last.split_at(at);
        let tails = existing.iter().filter(|_| !tail.is_empty()).map(|_| tail);
        Dotted { head: head.to_owned(), versions: Versions::after(tails, Style::Seconds, now) }
    }

    fn next(&mut self) -> String {
        format!("{}{}", self.head, self.versions.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_versions_count_up_at_their_end() {
        let now = "2026-01-31T23:59:58Z".parse().unwrap();
        for (existing, expected) in [
            (&[][..], "20260131235958"),
            (&["1", "10", "9"], "11"),
            (&["1.2", "1.10", "1.9"], "1.11"),
            (&["2_07"], "2_08"),
            (&["20270101000000"], "20270101000001"),
        ] {
            assert_eq!(Dotted::after(existing, now).next(), expected);
        }
    }
}
