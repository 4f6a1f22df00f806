//! What each role can read: every report as every kind of role. The results are the table of docs/privileges.md.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use pg_sandbox::Cluster;
use serde_json::{Value, json};

use crate::clusters::{cluster_options, connect_superuser, on_every_major_alone_long};
use crate::reports::fixture_servers::{execute_batch, role_conninfo};
use crate::reports::program::{self, array_field, run_pgtend};

/// A kind of role, ordered by increasing privileges.
pub struct RoleKind {
    pub name: &'static str,
    /// The title of its column.
    pub title: &'static str,
    grants: &'static [&'static str],
    /// The first major that has its privileges.
    since: u32,
}

const ROLES: [RoleKind; 7] = [
    RoleKind { name: "caller", title: "CONNECT", grants: &[], since: 13 },
    RoleKind { name: "db_owner", title: "owner", grants: &["alter database shop owner to db_owner"], since: 13 },
    RoleKind { name: "reader", title: "pg_read_all_data", grants: &["grant pg_read_all_data to reader"], since: 14 },
    RoleKind {
        name: "counter",
        title: "pg_read_all_stats",
        grants: &["grant pg_read_all_stats to counter"],
        since: 13,
    },
    RoleKind { name: "watcher", title: "pg_monitor", grants: &["grant pg_monitor to watcher"], since: 13 },
    // The role of RDS and similar services: pg_monitor and the drop of slots, not a superuser.
    RoleKind {
        name: "tenant",
        title: "managed",
        grants: &["grant pg_monitor, rds_superuser to tenant", "alter role tenant replication createrole createdb"],
        since: 13,
    },
    RoleKind { name: "postgres", title: "superuser", grants: &[], since: 13 },
];

const REPORT_RUNS: [&[&str]; 9] = [
    &["overview"],
    &["databases"],
    &["tables"],
    &["tables", "--exact"],
    &["indexes"],
    &["slots"],
    &["wal"],
    &["audit"],
    &["tables", "--all-databases"],
];

/// Missing facts: the run and the fact.
type MissingFacts = BTreeSet<(&'static str, String)>;

const SETUP: &str = "
    create table kept (id int primary key, word text);
    insert into kept select n, repeat('word ', n % 40) from generate_series(1, 20000) n;
    create index kept_word on kept (word);
    analyze kept;
    alter table kept owner to db_owner";

#[tokio::test(flavor = "multi_thread")]
async fn rights_table_is_current() {
    let found = std::sync::Mutex::new(BTreeMap::<&'static str, MissingFacts>::new());
    let majors = std::sync::Mutex::new(BTreeSet::new());
    on_every_major_alone_long("rights", cluster_options().with_setting("autovacuum", "off"), async |major, cluster| {
        create_roles(major, &cluster).await;
        for role in ROLES.iter().filter(|role| role.since <= major) {
            let missing = missing_facts(&cluster, role);
            let mut found = found.lock().expect("no panic while it is held");
            found.entry(role.name).or_default().extend(missing);
        }
        majors.lock().expect("no panic while it is held").insert(major);
    })
    .await;
    let (found, majors) = (found.into_inner().expect("whole"), majors.into_inner().expect("whole"));
    assert!(found["postgres"].is_empty(), "a superuser cannot read {:?}", found["postgres"]);
    table::compare_with_readme(&ROLES, &found, majors.len());
}

async fn create_roles(major: u32, cluster: &Cluster) {
    let client = connect_superuser(cluster, "postgres").await;
    for alone in [
        "create role rds_superuser nologin",
        "create database shop",
        "create database private",
        "revoke connect on database private from public",
    ] {
        execute_batch(&client, alone).await;
    }
    // The statistics of WAL start with the server; a rate needs some WAL.
    if major >= 14 {
        execute_batch(&client, "select pg_stat_reset_shared('wal')").await;
    }
    for role in ROLES.iter().filter(|role| role.since <= major && role.name != "postgres") {
        execute_batch(&client, &format!("create role {} login", role.name)).await;
        for grant in role.grants {
            execute_batch(&client, grant).await;
        }
    }
    execute_batch(&connect_superuser(cluster, "shop").await, SETUP).await;
}

/// Runs all reports as the role: each succeeds and lists what it could not read, and why.
fn missing_facts(cluster: &Cluster, role: &RoleKind) -> MissingFacts {
    let conninfo = role_conninfo(cluster, role.name, "shop");
    let mut missing = MissingFacts::new();
    for run_of in REPORT_RUNS {
        let report = program::report_json(&[run_of, &["-d", &conninfo]].concat());
        for gap in array_field(&report, "unavailable").iter().filter(|gap| is_missing_right(gap)) {
            let fact = gap["fact"].as_str().expect("a fact has a name");
            missing.insert((run_of[0], fact.to_owned()));
            if role.name != "postgres" {
                let hint = gap["hint"].as_str();
                assert!(hint.is_some(), "{}: {run_of:?}: {gap} names no GRANT", role.name);
            }
        }
        let people = run_pgtend(&[run_of, &["-d", &conninfo]].concat());
        assert_eq!((people.exit, people.stderr.as_str()), (0, ""), "{}: {run_of:?}: {people:?}", role.name);
    }
    missing
}

/// Whether a privilege is missing, as opposed to a newer version, a feature that is not set up, or template0, which accepts
/// no connections.
fn is_missing_right(gap: &Value) -> bool {
    gap["needs_version"].is_null() && gap["not_set_up"] != true && gap["subjects"] != json!(["template0"])
}
