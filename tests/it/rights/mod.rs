//! What each role can read: every report as every kind of role. The README's table is made of the answers.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use pgtend::sandbox::Cluster;
use serde_json::{Value, json};

use crate::clusters::{connect, on_every_major_alone, options};
use crate::reports::program::{self, list, run};
use crate::reports::zoo::{batch, conninfo};

/// A kind of role, from the least to the most.
pub struct Role {
    pub name: &'static str,
    /// As the table's head names it.
    pub title: &'static str,
    grants: &'static [&'static str],
    /// The first major that has what it is granted.
    since: u32,
}

const ROLES: [Role; 7] = [
    Role { name: "caller", title: "CONNECT", grants: &[], since: 13 },
    Role { name: "keeper", title: "owner", grants: &["alter database shop owner to keeper"], since: 13 },
    Role { name: "reader", title: "pg_read_all_data", grants: &["grant pg_read_all_data to reader"], since: 14 },
    Role { name: "counter", title: "pg_read_all_stats", grants: &["grant pg_read_all_stats to counter"], since: 13 },
    Role { name: "watcher", title: "pg_monitor", grants: &["grant pg_monitor to watcher"], since: 13 },
    // What RDS and its kin give: pg_monitor and the drop of slots, no superuser.
    Role {
        name: "tenant",
        title: "managed",
        grants: &["grant pg_monitor, rds_superuser to tenant", "alter role tenant replication createrole createdb"],
        since: 13,
    },
    Role { name: "postgres", title: "superuser", grants: &[], since: 13 },
];

const RUNS: [&[&str]; 9] = [
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

/// What is missing: the run and the fact.
type Missing = BTreeSet<(&'static str, String)>;

const SETUP: &str = "
    create table kept (id int primary key, word text);
    insert into kept select n, repeat('word ', n % 40) from generate_series(1, 20000) n;
    create index kept_word on kept (word);
    analyze kept;
    alter table kept owner to keeper";

#[tokio::test(flavor = "multi_thread")]
async fn every_report_answers_every_role_and_the_readme_tells_what_is_missing() {
    let found = std::sync::Mutex::new(BTreeMap::<&'static str, Missing>::new());
    let majors = std::sync::Mutex::new(BTreeSet::new());
    on_every_major_alone("rights", options().set("autovacuum", "off"), async |major, cluster| {
        prepare(major, &cluster).await;
        for role in ROLES.iter().filter(|role| role.since <= major) {
            let missing = ask(&cluster, role);
            let mut found = found.lock().expect("no panic while it is held");
            found.entry(role.name).or_default().extend(missing);
        }
        majors.lock().expect("no panic while it is held").insert(major);
    })
    .await;
    let (found, majors) = (found.into_inner().expect("whole"), majors.into_inner().expect("whole"));
    assert!(found["postgres"].is_empty(), "a superuser misses {:?}", found["postgres"]);
    table::hold(&ROLES, &found, majors.len());
}

async fn prepare(major: u32, cluster: &Cluster) {
    let client = connect(cluster, "postgres").await;
    for alone in [
        "create role rds_superuser nologin",
        "create database shop",
        "create database private",
        "revoke connect on database private from public",
    ] {
        batch(&client, alone).await;
    }
    // The statistics of WAL begin with the server; a rate wants some of them.
    if major >= 14 {
        batch(&client, "select pg_stat_reset_shared('wal')").await;
    }
    for role in ROLES.iter().filter(|role| role.since <= major && role.name != "postgres") {
        batch(&client, &format!("create role {} login", role.name)).await;
        for grant in role.grants {
            batch(&client, grant).await;
        }
    }
    batch(&connect(cluster, "shop").await, SETUP).await;
}

/// Runs everything as the role: each run ends well and says what it could not read, and why.
fn ask(cluster: &Cluster, role: &Role) -> Missing {
    let conninfo = conninfo(cluster, role.name, "shop");
    let mut missing = Missing::new();
    for run_of in RUNS {
        let report = program::json(&[run_of, &["-d", &conninfo]].concat());
        for gap in list(&report, "unavailable").iter().filter(|gap| is_of_the_role(gap)) {
            let fact = gap["fact"].as_str().expect("a fact has a name");
            missing.insert((run_of[0], fact.to_owned()));
            if role.name != "postgres" {
                let hint = gap["hint"].as_str();
                assert!(hint.is_some(), "{}: {run_of:?}: {gap} names no GRANT", role.name);
            }
        }
        let people = run(&[run_of, &["-d", &conninfo]].concat());
        assert_eq!((people.exit, people.stderr.as_str()), (0, ""), "{}: {run_of:?}: {people:?}", role.name);
    }
    missing
}

/// Neither the server's version nor what is not set up on it, nor a database that takes nobody: a right.
fn is_of_the_role(gap: &Value) -> bool {
    gap["needs_version"].is_null() && gap["not_set_up"] != true && gap["subjects"] != json!(["template0"])
}
