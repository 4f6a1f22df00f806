//! Up and down is as if nothing had happened: in every catalog that knows of indexes, on every major.

use std::collections::BTreeSet;
use std::sync::Arc;

use pgtend::frameworks::Migration;
use pgtend::inspect::read_particulars;
use pgtend::model::{Fact, IndexParticulars};
use pgtend::pg::Session;
use pgtend::pg::conninfo::{Environment, Flags, Request, resolve};
use pgtend::plan::index_cleanup::{Statement, build_index, drop_index};
use pgtend::sandbox::Cluster;
use tokio_postgres::Client;

use super::fingerprint::{differences, fingerprint, schema_dump};
use super::schemas::random_schema;
use crate::clusters::{connect, on_every_major_alone, options, query_texts, say, sql};
use crate::indexes::script::{play, statements};

const CORPUS: &str = include_str!("../fixtures/corpus/indexes.sql");

/// Every index that is neither a constraint's, nor attached, nor what a foreign key or a view needs.
const MAY_GO: &str = "select i.indexrelid::text from pg_index i join pg_class c on c.oid = i.indexrelid
   join pg_namespace n on n.oid = c.relnamespace
  where n.nspname !~ '^(pg_|information_schema)' and i.indisvalid and not c.relispartition
    and not exists (select from pg_constraint o where o.conindid = i.indexrelid)
  order by i.indexrelid";

async fn particulars(conninfo: &str, oids: &[u32]) -> Vec<IndexParticulars> {
    let flags = Flags { dbname: Some(conninfo.to_owned()), ..Flags::default() };
    let request = Request { flags, environment: Environment::default(), ..Request::default() };
    let session = Session::open(Arc::new(resolve(&request).unwrap().conninfo)).await.unwrap();
    match read_particulars(&session, oids).await.unwrap() {
        Fact::Known(particulars) => particulars,
        Fact::Unavailable(why) => panic!("{why:?}"),
    }
}

/// One index and what is attached to it, as the rows come: parents first.
fn families(all: &[IndexParticulars]) -> Vec<Vec<IndexParticulars>> {
    let mut families: Vec<Vec<IndexParticulars>> = Vec::new();
    for one in all {
        let parents = families.iter_mut().find(|family| family.iter().any(|other| Some(other.oid) == one.parent_oid));
        match parents {
            Some(family) => family.push(one.clone()),
            None => families.push(vec![one.clone()]),
        }
    }
    families
}

/// As a framework sends it that runs one statement after another, or one group of them after another.
async fn run(client: &Client, statements: &[&Statement], together: bool) {
    let text = match together && statements.iter().all(|step| !step.runs_alone) {
        true => vec![statements.iter().map(|step| format!("{};\n", step.sql)).collect::<String>()],
        false => statements.iter().map(|step| step.sql.clone()).collect(),
    };
    for sql in text {
        client.simple_query(&sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
    }
}

/// All ways there, then all ways back, and again; in between nothing of the indexes is left.
async fn there_and_back(cluster: &Cluster, database: &str) -> (usize, usize) {
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let client = connect(cluster, database).await;
    let rows = query_texts(cluster, database, MAY_GO).await;
    let oids: Vec<u32> = rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
    let before = fingerprint(cluster, database).await;
    let dump = schema_dump(cluster, database);
    let families = families(&particulars(&conninfo, &oids).await);
    assert_eq!(families.len(), oids.len());
    let migrations: Vec<Migration> = families
        .iter()
        .map(|family| Migration {
            index: family[0].index.clone(),
            header: Vec::new(),
            up: drop_index(&family[0]).unwrap(),
            down: build_index(family).unwrap(),
        })
        .collect();
    for in_pieces in [false, true] {
        for migration in &migrations {
            run(&client, &[&migration.up], false).await;
            // Once more: a run that was stopped is run again.
            run(&client, &[&migration.up], false).await;
        }
        let gone = fingerprint(cluster, database).await;
        assert_ne!(before, gone);
        let left: BTreeSet<String> =
            query_texts(cluster, database, MAY_GO).await.into_iter().map(|mut row| row.remove(0).unwrap()).collect();
        assert!(left.is_empty(), "{left:?}");
        for migration in migrations.iter().rev() {
            if in_pieces {
                for piece in migration.pieces().iter().rev() {
                    run(&client, &piece.down, true).await;
                }
            } else {
                run(&client, &migration.whole_way_back(), false).await;
            }
        }
        let after = fingerprint(cluster, database).await;
        assert_eq!(differences(&before, &after), [""; 0], "in pieces: {in_pieces}");
        assert_eq!(dump, schema_dump(cluster, database));
        if !in_pieces {
            // The indexes are others now; their descriptions are the same but for the OIDs.
            let rows = query_texts(cluster, database, MAY_GO).await;
            assert_eq!(rows.len(), oids.len());
        }
    }
    // Once more back: what is there already stays as it is.
    for migration in &migrations {
        run(&client, &migration.whole_way_back(), false).await;
    }
    let after = fingerprint(cluster, database).await;
    assert_eq!(differences(&before, &after), [""; 0], "down without up");
    (families.len(), usize::from(dump.is_some()))
}

#[tokio::test]
async fn up_and_down_is_as_if_nothing_had_happened() {
    let options = options().set("autovacuum", "off").set("fsync", "off").set("wal_level", "logical");
    on_every_major_alone("there and back", options, async |major, cluster| {
        sql(&cluster, "postgres", "create database corpus").await;
        sql(&cluster, "postgres", "set allow_in_place_tablespaces = on").await;
        let client = connect(&cluster, "corpus").await;
        client.batch_execute("set allow_in_place_tablespaces = on").await.unwrap();
        client.batch_execute("create tablespace \"side space\" location ''").await.unwrap();
        play(&client, &statements(CORPUS)).await;
        let (corpus, dumps) = there_and_back(&cluster, "corpus").await;
        let mut random = 0;
        // Other schemas on each major: together six of them.
        for seed in [u64::from(major)] {
            let database = format!("random_{seed}");
            sql(&cluster, "postgres", &format!("create database {database}")).await;
            let client = connect(&cluster, &database).await;
            for statement in random_schema(seed, 14, major) {
                client.simple_query(&statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
            }
            random += there_and_back(&cluster, &database).await.0;
        }
        let dumped = if dumps > 0 { "pg_dump agrees" } else { "no pg_dump beside the server" };
        say(&format!("there and back, {major}: {corpus} indexes of the corpus, {random} of random schemas; {dumped}"));
    })
    .await;
}
