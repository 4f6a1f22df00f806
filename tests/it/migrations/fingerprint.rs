//! All that the catalogs say of a database's indexes, with names instead of OIDs.

use pg_sandbox::Cluster;
use std::collections::HashSet;
use std::process::Command;

use crate::clusters::query_texts;

/// Each statement answers lines; what differs after a way there and back was lost on it. The runners of `tests/runners`
/// hold the same against their servers.
const FINGERPRINT: &str = include_str!("../../runners/fingerprint.sql");

pub async fn fingerprint(cluster: &Cluster, database: &str) -> Vec<String> {
    let rows = query_texts(cluster, database, FINGERPRINT).await;
    let mut lines: Vec<String> = rows.into_iter().map(|mut row| row.remove(0).expect("a line")).collect();
    lines.sort();
    lines
}

/// The first lines that only one of them has.
pub fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let only = |mark: &str, these: &[String], those: &[String]| -> Vec<String> {
        let those: HashSet<&String> = those.iter().collect();
        these.iter().filter(|line| !those.contains(line)).take(8).map(|line| format!("{mark} {line}")).collect()
    };
    [only("-", before, after), only("+", after, before)].concat()
}

/// `pg_dump -s` of the cluster's own version, where it lies beside the server.
pub fn schema_dump(cluster: &Cluster, database: &str) -> Option<String> {
    let program = cluster.installation().bin.join("pg_dump");
    if !program.exists() {
        return None;
    }
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let output = Command::new(program).args(["-s", "-d", &conninfo]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // Newer ones begin and end with a word of their own each time.
    Some(
        text.lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .map(|line| format!("{line}\n"))
            .collect(),
    )
}
