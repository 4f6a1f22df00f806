//! Laws that hold of every schema: whatever sound selection is dropped on a real server, what was scanned keeps an
//! index in its order, what was refused is still refused, and what needs an index still runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgtend::inspect::{Scope, inspect};
use pgtend::judge::index::{Plan, judge, select};
use pgtend::model::{CoverKind, Fact, IndexFinding, IndexLimits, Reason, Snapshot, Verdict};
use pgtend::pg::Session;
use pgtend::pg::conninfo::{Environment, Flags, Request, resolve};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::clusters::{connect, on_every_major_alone, options, say, sql};

const TABLES: u64 = 120;

/// Reproducible: the same schemas on every server and in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// One index and the questions that only it, or what covers it, can answer.
#[derive(Debug)]
struct Made {
    name: String,
    table: String,
    /// `order by` and `where` as it serves them; of b-trees.
    order: Option<String>,
    predicate: Option<&'static str>,
    /// The conflict target, of unique ones.
    target: Option<String>,
}

const PREDICATES: [&str; 2] = ["b > 500", "c is not null"];

async fn plant(client: &Client, dice: &mut Dice) -> Vec<Made> {
    let mut all = Vec::new();
    for number in 0..TABLES {
        let table = format!("t{number}");
        let setup = format!(
            "create table {table} (a int not null, b int, c text, d text, e int not null);
             insert into {table} select (i * 7919) % 3001, (i * 31) % 997, 'c' || (i * 17) % 501, 'd' || i % 7,
               (i * 4999) % 3001 from generate_series(1, 3000) i"
        );
        client.batch_execute(&setup).await.unwrap();
        for place in 0..4 + dice.below(6) {
            let name = format!("{table}_i{place}");
            let hash = dice.happens(6);
            let unique = !hash && dice.happens(25);
            let mut columns: Vec<&str> = Vec::new();
            let count = if hash { 1 } else { 1 + dice.below(3) };
            for _ in 0..count {
                let column = dice.one(&["a", "b", "b", "c", "e"]);
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            if unique && !columns.contains(&"a") && !columns.contains(&"e") {
                columns.insert(0, "a");
            }
            let collate = dice.happens(20);
            let upside_down = dice.happens(20);
            let keys: Vec<String> = columns
                .iter()
                .map(|column| {
                    let collation = if *column == "c" && collate { " collate \"C\"" } else { "" };
                    let direction = match (hash, upside_down) {
                        (true, _) => "",
                        (false, true) => " desc",
                        (false, false) if dice.happens(8) => " desc nulls last",
                        (false, false) => "",
                    };
                    format!("{column}{collation}{direction}")
                })
                .collect();
            let predicate = dice.happens(20).then(|| dice.one(&PREDICATES));
            let include = if !hash && dice.happens(15) { " include (d)" } else { "" };
            let statement = format!(
                "create {} index {name} on {table} using {} ({}){include}{}",
                if unique { "unique" } else { "" },
                if hash { "hash" } else { "btree" },
                keys.join(", "),
                predicate.map(|text| format!(" where {text}")).unwrap_or_default(),
            );
            client.batch_execute(&statement).await.unwrap();
            let bare: Vec<&str> = keys.iter().map(|key| key.split(" desc").next().unwrap()).collect();
            all.push(Made {
                name,
                table: table.clone(),
                order: (!hash).then(|| keys.join(", ")),
                predicate,
                target: unique.then(|| bare.join(", ")),
            });
        }
        // Some tables refer, some are published by an index, some are looked at through a materialized view.
        if number % 5 == 0 {
            let refer = format!(
                "create table p{number} (id int primary key); insert into p{number} select generate_series(0, 3001);
                 alter table {table} add constraint {table}_fk foreign key (b) references p{number}"
            );
            client.batch_execute(&refer).await.unwrap();
        }
        if number % 6 == 0 {
            let publish = format!(
                "create unique index {table}_identity on {table} (e, a); create index {table}_near on {table} (e, a);
                 alter table {table} replica identity using index {table}_identity;
                 create publication {table}_pub for table {table}"
            );
            client.batch_execute(&publish).await.unwrap();
        }
        if number % 7 == 0 {
            let view = format!(
                "create materialized view v{number} as select a, count(*) as n from {table} group by a;
                 create unique index v{number}_u on v{number} (a); create unique index v{number}_w on v{number} (a);
                 create index v{number}_x on v{number} (a)"
            );
            client.batch_execute(&view).await.unwrap();
        }
    }
    client.batch_execute("analyze").await.unwrap();
    all
}

async fn look(conninfo: &str) -> Snapshot {
    let flags = Flags { dbname: Some(conninfo.to_owned()), ..Flags::default() };
    let request = Request { flags, environment: Environment::default(), ..Request::default() };
    let session = Session::open(Arc::new(resolve(&request).unwrap().conninfo)).await.unwrap();
    inspect(&session, &Scope::everything()).await.unwrap()
}

/// What the planner does when it must take an index: one that keeps the order, or none. Behind a unique index that finds
/// the same rows it sorts groups of one row each.
async fn is_served(client: &Client, made: &Made, behind_unique: bool) -> bool {
    let Some(order) = &made.order else { return true };
    let filter = made.predicate.map(|text| format!(" where {text}")).unwrap_or_default();
    let sql = format!("explain select a, b, c, d, e from {}{filter} order by {order}", made.table);
    let plan: Vec<String> = client
        .simple_query(&sql)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect();
    let plan = plan.join("\n");
    let sorts = plan.lines().filter(|line| line.contains("Sort  ("));
    let sorted = sorts.filter(|line| !(behind_unique && line.contains("Incremental Sort"))).count() > 0;
    plan.contains("Index") && !sorted && !plan.contains("Seq Scan")
}

/// Drops a selection inside a transaction, asks everything, takes it back.
async fn holds(client: &Client, all: &[Made], plan: &Plan, names: &[&str], used: &BTreeMap<String, i64>, tables: u64) {
    client.batch_execute("begin; set local enable_seqscan = off; set local enable_bitmapscan = off").await.unwrap();
    for name in names {
        client.batch_execute(&format!("drop index {name}")).await.unwrap();
    }
    let verdict = |name: &str| plan.verdicts().iter().find(|one| plan.name(one.oid) == format!("public.{name}"));
    let explicit = |name: &str| verdict(name).is_some_and(|one| one.findings.contains(&IndexFinding::RarelyUsedIndex));
    let behind_unique = |name: &str| {
        let reasons = verdict(name).map_or(&[][..], |one| &one.reasons);
        reasons.iter().any(|reason| matches!(reason, Reason::CoveredBy { how: CoverKind::SupersetOfUnique, .. }))
    };
    for made in all {
        // A rarely used one may be selected on purpose, and its few scans with it.
        if used[&made.name] > 0 && !explicit(&made.name) {
            assert!(
                is_served(client, made, behind_unique(&made.name)).await,
                "{made:?} is served no more without {names:?}"
            );
        }
        if let Some(target) = &made.target {
            let filter = made.predicate.map(|text| format!(" where {text}")).unwrap_or_default();
            let sql = format!(
                "explain insert into {} values (1, 600, 'c1', 'd', 1) on conflict ({target}){filter} do nothing",
                made.table
            );
            assert!(client.simple_query(&sql).await.is_ok(), "no arbiter for {made:?} without {names:?}");
        }
    }
    for number in 0..tables {
        if number % 6 == 0 {
            client.batch_execute(&format!("update t{number} set d = 'x' where a = 5")).await.unwrap();
            client.batch_execute(&format!("delete from t{number} where a = 5")).await.unwrap();
        }
        if number % 7 == 0 {
            client.batch_execute(&format!("refresh materialized view concurrently v{number}")).await.unwrap();
        }
    }
    client.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn whatever_sound_selection_is_dropped_nothing_breaks() {
    let options = options().set("autovacuum", "off").set("wal_level", "logical").set("fsync", "off");
    on_every_major_alone("laws of a clean-up", options, async |major, cluster| {
        sql(&cluster, "postgres", "create database laws").await;
        let client = connect(&cluster, "laws").await;
        let mut dice = Dice(4_711);
        let all = plant(&client, &mut dice).await;
        let mut snapshot = look(&format!("{} dbname=laws", cluster.conninfo())).await;
        let mut used = BTreeMap::new();
        let (Fact::Known(indexes), Fact::Known(tables)) =
            (&mut snapshot.contents[0].indexes.clone(), &mut snapshot.contents[0].tables.clone())
        else {
            panic!("no indexes")
        };
        for index in indexes.iter_mut() {
            index.idx_scan = [0, 0, 20, 900][usize::try_from(dice.below(4)).unwrap()];
            used.insert(index.index.clone(), index.idx_scan);
        }
        tables.iter_mut().for_each(|table| table.seq_scan = 5);
        snapshot.contents[0].indexes = Fact::Known(indexes.clone());
        snapshot.contents[0].tables = Fact::Known(tables.clone());
        let limits = IndexLimits { min_observation_seconds: 0, min_reclaim_bytes: 0, ..IndexLimits::default() };
        let plan = judge(&snapshot, &snapshot.contents[0], None, &limits);

        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for one in plan.verdicts() {
            let finding = one.findings.first().map_or("none".to_owned(), |finding| format!("{finding:?}"));
            *counts.entry(format!("{} {finding}", one.verdict.name())).or_default() += 1;
        }
        let names = |least: Verdict| -> Vec<&str> {
            let chosen = plan.verdicts().iter().filter(|one| one.verdict >= least);
            chosen.map(|one| plan.name(one.oid)).collect()
        };
        let drops = names(Verdict::Drop);
        assert!(drops.len() > 100, "{counts:?}");
        select(&plan, &drops).expect("all drops together");
        holds(&client, &all, &plan, &drops, &used, TABLES).await;
        let (mut taken, mut refused) = (0, 0);
        let candidates = names(Verdict::Review);
        for _ in 0..8 {
            // Added one by one, so that each refusal concerns the last one.
            let mut chosen: Vec<&str> = Vec::new();
            for name in &candidates {
                if dice.happens(60) {
                    chosen.push(name);
                    if select(&plan, &chosen).is_err() {
                        chosen.pop();
                        refused += 1;
                    }
                }
            }
            taken += chosen.len();
            holds(&client, &all, &plan, &chosen, &used, TABLES).await;
        }
        say(&format!("laws, {major}: {} indexes, {counts:?}; selected {taken}, refused {refused}", all.len()));
    })
    .await;
}
