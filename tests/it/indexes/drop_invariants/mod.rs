//! Invariants for every schema: after any valid selection of drops on a real server, each scan still has an index in
//! its order, refused statements are still refused, and statements that need an index still succeed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgtend::analysis::index::{CoverKind, IndexFinding, IndexLimits, IndexVerdict, Reason, Verdict};
use pgtend::analysis::index::{DropPlan, plan_drops, select_drops};
use pgtend::collect::{Scope, collect_snapshot};
use pgtend::facts::{Fact, Snapshot};
use pgtend::postgres::Session;
use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Environment, resolve};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, is_short_run, majors, on_every_major_alone_long, print_stderr,
};

mod cases;
mod schemas;

use cases::Case;
use schemas::SeededRandom;

/// One index, and the statements that only it, or an index that covers it, can serve.
#[derive(Debug)]
struct TestIndex {
    name: String,
    /// A query that it serves: by its order or by its condition.
    served_query: Option<String>,
    /// A statement with it as the arbiter index.
    conflict_statement: Option<String>,
}

async fn collect_from_conninfo(conninfo: &str) -> Snapshot {
    let flags = ConnectionFlags { dbname: Some(conninfo.to_owned()), ..ConnectionFlags::default() };
    let request = ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() };
    let session = Session::open(Arc::new(resolve(&request).unwrap().conninfo)).await.unwrap();
    collect_snapshot(&session, &Scope::everything()).await.unwrap()
}

/// Returns the plans of statements, in one round trip.
async fn explain_statements(client: &Client, settings: &str, statements: &[&str]) -> Vec<String> {
    let explains: Vec<String> = statements.iter().map(|statement| format!("explain {statement}")).collect();
    client.batch_execute(settings).await.unwrap();
    let answer = client.simple_query(&explains.join(";\n")).await.unwrap_or_else(|error| panic!("{error:?}"));
    let mut plans = vec![String::new()];
    for message in answer {
        match message {
            SimpleQueryMessage::Row(row) => {
                let plan = plans.last_mut().expect("one");
                plan.push_str(row.get(0).unwrap_or_default());
                plan.push('\n');
            }
            SimpleQueryMessage::CommandComplete(_) => plans.push(String::new()),
            _ => {}
        }
    }
    plans.truncate(statements.len());
    plans
}

/// Whether the planner, when it must use an index, found one that has the order or meets the condition. With a unique
/// index that finds the same rows, it sorts groups of one row each.
fn plan_uses_index(plan: &str, behind_unique: bool) -> bool {
    let sorts = plan.lines().filter(|line| line.contains("Sort  ("));
    let sorted = sorts.filter(|line| !(behind_unique && line.contains("Incremental Sort"))).count() > 0;
    plan.contains("Index") && !sorted && !plan.contains("Seq Scan")
}

/// A schema, and the uses of its indexes.
struct Schema {
    indexes: Vec<TestIndex>,
    cases: Vec<Case>,
    scan_counts: BTreeMap<String, i64>,
}

/// Drops a selection inside a transaction, checks all statements, and rolls back.
async fn assert_drop_keeps_invariants(client: &Client, schema: &Schema, plan: &DropPlan, names: &[&str]) {
    client
        .batch_execute("begin; set local jit = off; set local enable_seqscan = off; set local enable_sort = off")
        .await
        .unwrap();
    let drops: Vec<String> = names.iter().map(|name| format!("drop index {name}")).collect();
    client.batch_execute(&drops.join(";")).await.unwrap();
    let verdicts: BTreeMap<&str, &IndexVerdict> =
        plan.verdicts().iter().map(|verdict| (plan.name(verdict.oid).trim_start_matches("public."), verdict)).collect();
    let behind_unique = |name: &str| {
        let reasons = verdicts.get(name).map_or(&[][..], |verdict| &verdict.reasons);
        reasons.iter().any(|reason| matches!(reason, Reason::CoveredBy { how: CoverKind::SupersetOfUnique, .. }))
    };
    let indexes = || schema.indexes.iter().chain(schema.cases.iter().flat_map(|case| &case.indexes));
    // A rarely used index may be selected explicitly, with its few scans.
    let rare = |made: &TestIndex| {
        verdicts.get(&*made.name).is_some_and(|verdict| verdict.findings.contains(&IndexFinding::RarelyUsedIndex))
    };
    for (bitmaps, ordered) in [("off", true), ("on", false)] {
        let queries: Vec<(&TestIndex, &str)> = indexes()
            .filter(|made| schema.scan_counts[&made.name] > 0 && !rare(made))
            .filter_map(|made| Some((made, made.served_query.as_deref()?)))
            .filter(|(_, question)| question.contains("order by") == ordered)
            .collect();
        let statements: Vec<&str> = queries.iter().map(|(_, question)| *question).collect();
        let settings = format!("set local enable_bitmapscan = {bitmaps}");
        for ((made, _), plan) in queries.iter().zip(explain_statements(client, &settings, &statements).await) {
            let served = plan_uses_index(&plan, behind_unique(&made.name));
            assert!(served, "{made:?} is not served any more: {plan} without {names:?}");
        }
    }
    let conflicts: Vec<&str> = indexes().filter_map(|made| made.conflict_statement.as_deref()).collect();
    explain_statements(client, "", &conflicts).await;
    let looked_up: Vec<&str> = schema.cases.iter().flat_map(|case| &case.queries).map(String::as_str).collect();
    for plan in explain_statements(client, "", &looked_up).await {
        assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{plan}");
    }
    client.batch_execute("set local enable_seqscan = on; set local enable_sort = on; savepoint checks").await.unwrap();
    let runs: Vec<&str> = schema.cases.iter().flat_map(|case| &case.runs).map(String::as_str).collect();
    client.batch_execute(&runs.join(";\n")).await.unwrap_or_else(|error| panic!("{error:?}"));
    client.batch_execute("rollback to savepoint checks").await.unwrap();
    for statement in schema.cases.iter().flat_map(|case| &case.refused) {
        let answer = client.batch_execute(statement).await;
        let code = answer.expect_err(statement).code().map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("23505"), "{statement} without {names:?}");
        client.batch_execute("rollback to savepoint checks").await.unwrap();
    }
    client.batch_execute("rollback").await.unwrap();
}

/// Returns how often each rule applied, by the name of the finding, of the covering relation and of the hazard.
fn count_rules(plan: &DropPlan, snapshot: &Snapshot) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let indexes = snapshot.database_snapshots[0].indexes.known().expect("indexes");
    for verdict in plan.verdicts() {
        let index = indexes.iter().find(|index| index.oid == verdict.oid).expect("its index");
        let mut rules: Vec<String> = verdict.findings.iter().map(|finding| format!("{finding:?}")).collect();
        for reason in &verdict.reasons {
            rules.push(match reason {
                Reason::DuplicateOf { how, .. } | Reason::CoveredBy { how, .. } => format!("{how:?} {}", index.method),
                Reason::ForeignKeyTarget { .. } => "foreign key target".to_owned(),
                Reason::ReplicaIdentity => "replica identity".to_owned(),
                Reason::AttachedTo { .. } => "attached partition".to_owned(),
                Reason::PartitionedLock { .. } => "partition root".to_owned(),
                Reason::EnforcesUniqueness => "sole unique".to_owned(),
                _ => continue,
            });
        }
        if !index.included_columns().is_empty() && !verdict.findings.is_empty() {
            rules.push("INCLUDE".to_owned());
        }
        for rule in rules {
            *counts.entry(rule).or_default() += 1;
        }
    }
    counts
}

/// The number of selections; the cost of checking one grows with its size.
const ROUNDS: u64 = 4;

/// Returns the round of an index, by the number of its table, which is part of each name.
fn round_of_name(name: &str) -> u64 {
    let digits: String = name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("a number") % ROUNDS
}

/// Each of them must have applied a hundred times on the newest major, and some times on the others.
const RULES: [&str; 19] = [
    "DuplicateIndex",
    "UnusedIndex",
    "RarelyUsedIndex",
    "RedundantIndex",
    "Same btree",
    "Same gist",
    "Reversed btree",
    "Prefix btree",
    "HashInBtree hash",
    "PartialInFull btree",
    "SupersetOfUnique btree",
    "Subset gin",
    "Subset brin",
    "INCLUDE",
    "foreign key target",
    "replica identity",
    "attached partition",
    "partition root",
    "sole unique",
];

#[tokio::test]
async fn invariants_hold_for_any_valid_selection() {
    let options = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("wal_level", "logical")
        .with_setting("fsync", "off");
    on_every_major_alone_long("invariants of drops", options, async |major, cluster| {
        execute_sql(&cluster, "postgres", "create database invariants").await;
        let client = connect_superuser(&cluster, "invariants").await;
        let mut dice = SeededRandom(4_711);
        let made = schemas::create_tables(&client, &mut dice).await;
        let number =
            if Some(&major) == majors().keys().max() && !is_short_run() { cases::CASES } else { cases::FEWER_CASES };
        let cases = cases::create_cases(&client, major, number).await;
        client.batch_execute("analyze").await.unwrap();
        let mut snapshot = collect_from_conninfo(&format!("{} dbname=invariants", cluster.conninfo())).await;
        let mut used = BTreeMap::new();
        let (Fact::Known(indexes), Fact::Known(tables)) =
            (&mut snapshot.database_snapshots[0].indexes.clone(), &mut snapshot.database_snapshots[0].tables.clone())
        else {
            panic!("no indexes")
        };
        for index in indexes.iter_mut() {
            index.idx_scan = [0, 0, 20, 900][usize::try_from(dice.below(4)).unwrap()];
            used.insert(index.index.clone(), index.idx_scan);
        }
        tables.iter_mut().for_each(|table| table.seq_scan = 5);
        snapshot.database_snapshots[0].indexes = Fact::Known(indexes.clone());
        snapshot.database_snapshots[0].tables = Fact::Known(tables.clone());
        let limits = IndexLimits { min_observation_seconds: 0, min_reclaim_bytes: 0, ..IndexLimits::default() };
        let plan = plan_drops(&snapshot, &snapshot.database_snapshots[0], None, &limits);

        let schema = Schema { indexes: made, cases, scan_counts: used };
        let counts = count_rules(&plan, &snapshot);
        for rule in RULES {
            let cases = counts.get(rule).copied().unwrap_or(0);
            assert!(cases >= number as usize - 5, "{rule}: only {cases} cases on {major}; {counts:?}");
        }
        let names = |least: Verdict| -> Vec<&str> {
            let chosen = plan.verdicts().iter().filter(|verdict| verdict.verdict >= least);
            chosen.map(|verdict| plan.name(verdict.oid)).collect()
        };
        let drops = names(Verdict::Drop);
        assert!(drops.len() > 100, "{counts:?}");
        select_drops(&plan, &drops).expect("all drops together");
        assert_drop_keeps_invariants(&client, &schema, &plan, &drops).await;
        let (mut taken, mut refused) = (0, 0);
        let candidates = names(Verdict::Review);
        for round in 0..ROUNDS {
            // Added one by one, so that each refusal concerns the last one. All indexes of a table are in one round,
            // because a selection can be invalid only within a table.
            let mut chosen: Vec<&str> = Vec::new();
            for name in candidates.iter().filter(|name| round_of_name(name) == round) {
                if dice.happens(60) {
                    chosen.push(name);
                    if select_drops(&plan, &chosen).is_err() {
                        chosen.pop();
                        refused += 1;
                    }
                }
            }
            taken += chosen.len();
            assert_drop_keeps_invariants(&client, &schema, &plan, &chosen).await;
        }
        print_stderr(&format!(
            "invariants of drops, {major}: {} indexes, of each rule: {counts:?}; selected {taken}, refused {refused}",
            schema.scan_counts.len()
        ));
    })
    .await;
}
