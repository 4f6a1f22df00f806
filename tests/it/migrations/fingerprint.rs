//! The contents of all catalogs about a database's indexes, with names instead of OIDs.

use pg_sandbox::Cluster;
use std::collections::HashSet;
use std::process::Command;

use crate::clusters::query_texts;

/// Each statement returns lines; a difference after up and down is a defect of the migration. The runners of
/// `tests/runners` compare the same lines.
const FINGERPRINT: &str = include_str!("../../runners/fingerprint.sql");

pub async fn fingerprint(cluster: &Cluster, database: &str) -> Vec<String> {
    let rows = query_texts(cluster, database, FINGERPRINT).await;
    let mut lines: Vec<String> = rows.into_iter().map(|mut row| row.remove(0).expect("a line")).collect();
    lines.sort();
    lines
}

/// Returns the first lines that only one of the two has.
pub fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let only = |mark: &str, these: &[String], those: &[String]| -> Vec<String> {
        let those: HashSet<&String> = those.iter().collect();
        these.iter().filter(|line| !those.contains(line)).take(8).map(|line| format!("{mark} {line}")).collect()
    };
    [only("-", before, after), only("+", after, before)].concat()
}

/// Returns the output of `pg_dump -s` of the cluster's own version, if it is installed with the server.
pub fn schema_dump(cluster: &Cluster, database: &str) -> Option<String> {
    let program = cluster.installation().bin.join("pg_dump");
    if !program.exists() {
        return None;
    }
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let output = Command::new(program).args(["-s", "-d", &conninfo]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // Newer versions begin and end with a random token.
    Some(
        text.lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .map(|line| format!("{line}\n"))
            .collect(),
    )
}
