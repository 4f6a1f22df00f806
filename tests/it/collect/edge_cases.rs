//! Cases in which a query could do harm or return wrong values: many sequences, a number as a secret, an unenforced
//! key, a large TOAST relation.

use pg_sandbox::Cluster;
use pgtend::collect::Scope;
use pgtend::facts::{DatabaseSnapshot, ObstacleKind};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{MetadataExt, chown},
};

use super::program_runs::collect_from_conninfo;
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest, private_cluster, query_one_text,
};

/// More than the lock table has entries for.
const SEQUENCES: usize = 3_000;
const SEGMENT: u64 = 1 << 30;

const CONTENT: &str = "create table uploads (id int primary key, body text); \
    alter table uploads alter column body set storage external; \
    insert into uploads select g, repeat(md5(g::text), 400) from generate_series(1, 300) g; \
    create table deferred (id int primary key deferrable, n int); \
    create role quiet; alter role quiet set track_counts = 'f'";

#[tokio::test]
async fn edge_cases_are_collected_truthfully() {
    on_a_major_and_the_newest(13, "edge cases", async |major, installation| {
        let options = cluster_options().with_setting("autovacuum", "off").with_setting("max_connections", "20");
        let cluster = private_cluster(installation, options.with_setting("max_locks_per_transaction", "10"));
        execute_sql(&cluster, "postgres", CONTENT).await;
        for share in (1..=SEQUENCES).collect::<Vec<_>>().chunks(100) {
            let sequence_sql = |n: &usize| format!("create sequence s{n} as int; select setval('s{n}', {n}); ");
            execute_sql(&cluster, "postgres", &share.iter().map(sequence_sql).collect::<String>()).await;
        }
        grow_toast(&cluster).await;
        if major >= 18 {
            let unenforced = "create table refers (id int primary key references uploads not enforced)";
            execute_sql(&cluster, "postgres", unenforced).await;
        }
        let writer = connect_superuser(&cluster, "postgres").await;
        let update = "/* token=hunter2 */ update deferred set n = 5 where n = 4111111111111111 -- card";
        writer.batch_execute("begin; insert into deferred values (1, 1)").await.unwrap();
        writer.batch_execute(update).await.unwrap();

        let snapshot = collect_from_conninfo(&cluster.conninfo(), &Scope::everything()).await;
        let database_snapshot = &snapshot.database_snapshots[0];
        assert_sequences_are_read_in_batches(database_snapshot);
        let kinds = &database_snapshot.obstacles.known().unwrap().found;
        assert_eq!(kinds[&ObstacleKind::NoReplicaIdentity].names, ["public.deferred"], "on {major}");
        assert_eq!(database_snapshot.index_facts.uncounted_roles.known().unwrap()[..], ["quiet"]);
        let enforced = database_snapshot.index_facts.foreign_keys.known().unwrap().iter().map(|key| key.is_enforced);
        assert_eq!(enforced.collect::<Vec<_>>(), if major >= 18 { vec![false] } else { vec![] });
        let transactions = &snapshot.transactions.known().unwrap().transactions;
        let queries: Vec<_> = transactions.iter().filter_map(|transaction| transaction.query.as_deref()).collect();
        assert_eq!(queries, ["update deferred set n ="], "without literals and comments");
        let samples = database_snapshot.toast_samples.known().unwrap();
        let sample = samples.values().max_by_key(|sample| sample.blocks).unwrap();
        assert_eq!((sample.blocks > 22_000_000, sample.sampled_blocks), (true, 100), "on {major}");
    })
    .await;
}

fn assert_sequences_are_read_in_batches(database_snapshot: &DatabaseSnapshot) {
    let used = database_snapshot.sequence_use.known().unwrap_or_else(|| panic!("{:?}", database_snapshot.sequence_use));
    let own =
        used.sequences.iter().filter_map(|sequence| Some((sequence.sequence.strip_prefix('s')?, sequence.last_value)));
    let own: Vec<_> = own.collect();
    assert_eq!((own.len(), used.left_out), (SEQUENCES, 0));
    assert!(own.iter().all(|(name, last)| name.parse().ok() == *last));
}

/// Makes a sparse TOAST relation of 170 GB.
async fn grow_toast(cluster: &Cluster) {
    let path = "select pg_relation_filepath(reltoastrelid) from pg_class where relname = 'uploads'";
    let path = query_one_text(cluster, "postgres", path).await.expect("a path");
    execute_sql(cluster, "postgres", "checkpoint").await;
    let first = cluster.data_directory().join(path);
    let owner = first.metadata().unwrap();
    OpenOptions::new().write(true).open(&first).unwrap().set_len(SEGMENT).unwrap();
    for number in 1..170 {
        let segment = first.with_extension(number.to_string());
        File::create(&segment).unwrap().set_len(SEGMENT).unwrap();
        chown(&segment, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}
