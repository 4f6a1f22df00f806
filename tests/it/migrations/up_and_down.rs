//! Up and down restore every catalog entry of indexes, on every major.

use std::collections::BTreeSet;
use std::sync::Arc;

use pg_sandbox::Cluster;
use pgtend::actions::index_migration::plan::{Statement, create_index_statements, drop_index_statement};
use pgtend::actions::index_migration::tools::Migration;
use pgtend::collect::read_index_ddl;
use pgtend::facts::{Fact, IndexDdl};
use pgtend::postgres::Session;
use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Environment, resolve};
use tokio_postgres::Client;

use super::fingerprint::{differences, fingerprint, schema_dump};
use super::schemas::random_schema;
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_every_major_alone_long, print_stderr, query_texts,
};
use crate::indexes::script::{run_statements, split_statements};

const CORPUS: &str = include_str!("../fixtures/corpus/indexes.sql");

/// Indexes that neither belong to a constraint, nor are attached, nor are needed by a foreign key or a view.
const DROPPABLE_INDEXES: &str = "select i.indexrelid::text from pg_index i join pg_class c on c.oid = i.indexrelid
   join pg_namespace n on n.oid = c.relnamespace
  where n.nspname !~ '^(pg_|information_schema)' and i.indisvalid and not c.relispartition
    and not exists (select from pg_constraint o where o.conindid = i.indexrelid)
  order by i.indexrelid";

async fn index_ddl(conninfo: &str, oids: &[u32]) -> Vec<IndexDdl> {
    let flags = ConnectionFlags { dbname: Some(conninfo.to_owned()), ..ConnectionFlags::default() };
    let request = ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() };
    let session = Session::open(Arc::new(resolve(&request).unwrap().conninfo)).await.unwrap();
    match read_index_ddl(&session, oids).await.unwrap() {
        Fact::Known(particulars) => particulars,
        Fact::Unavailable(why) => panic!("{why:?}"),
    }
}

/// Groups each index with those attached to it; rows are ordered parents first.
fn index_families(index_ddl: &[IndexDdl]) -> Vec<Vec<IndexDdl>> {
    let mut families: Vec<Vec<IndexDdl>> = Vec::new();
    for index in index_ddl {
        let parents = families.iter_mut().find(|family| family.iter().any(|other| Some(other.oid) == index.parent_oid));
        match parents {
            Some(family) => family.push(index.clone()),
            None => families.push(vec![index.clone()]),
        }
    }
    families
}

/// Executes statements one by one, or in groups, as different frameworks do.
async fn execute_plan_statements(client: &Client, statements: &[&Statement], together: bool) {
    let text = match together && statements.iter().all(|step| !step.non_transactional) {
        true => vec![statements.iter().map(|step| format!("{};\n", step.sql)).collect::<String>()],
        false => statements.iter().map(|step| step.sql.clone()).collect(),
    };
    for sql in text {
        client.simple_query(&sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
    }
}

/// Runs all up migrations, then all down migrations, twice; in between no index is left.
async fn apply_and_revert(cluster: &Cluster, database: &str) -> (usize, usize) {
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let client = connect_superuser(cluster, database).await;
    let rows = query_texts(cluster, database, DROPPABLE_INDEXES).await;
    let oids: Vec<u32> = rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
    let before = fingerprint(cluster, database).await;
    let dump = schema_dump(cluster, database);
    let families = index_families(&index_ddl(&conninfo, &oids).await);
    assert_eq!(families.len(), oids.len());
    let migrations: Vec<Migration> = families
        .iter()
        .map(|family| Migration {
            index: family[0].index.clone(),
            header: Vec::new(),
            up: drop_index_statement(&family[0]).unwrap(),
            down: create_index_statements(family).unwrap(),
        })
        .collect();
    for in_pieces in [false, true] {
        for migration in &migrations {
            execute_plan_statements(&client, &[&migration.up], false).await;
            // A second run, as after an interrupted one.
            execute_plan_statements(&client, &[&migration.up], false).await;
        }
        let after_up = fingerprint(cluster, database).await;
        assert_ne!(before, after_up);
        let left: BTreeSet<String> = query_texts(cluster, database, DROPPABLE_INDEXES)
            .await
            .into_iter()
            .map(|mut row| row.remove(0).unwrap())
            .collect();
        assert!(left.is_empty(), "{left:?}");
        for migration in migrations.iter().rev() {
            if in_pieces {
                for piece in migration.parts().iter().rev() {
                    execute_plan_statements(&client, &piece.down, true).await;
                }
            } else {
                execute_plan_statements(&client, &migration.down_statements(), false).await;
            }
        }
        let after = fingerprint(cluster, database).await;
        assert_eq!(differences(&before, &after), [""; 0], "in pieces: {in_pieces}");
        assert_eq!(dump, schema_dump(cluster, database));
        if !in_pieces {
            // The indexes have new OIDs; their descriptions are otherwise the same.
            let rows = query_texts(cluster, database, DROPPABLE_INDEXES).await;
            assert_eq!(rows.len(), oids.len());
        }
    }
    // A second down: existing indexes are unchanged.
    for migration in &migrations {
        execute_plan_statements(&client, &migration.down_statements(), false).await;
    }
    let after = fingerprint(cluster, database).await;
    assert_eq!(differences(&before, &after), [""; 0], "down without up");
    (families.len(), usize::from(dump.is_some()))
}

#[tokio::test]
async fn up_and_down_restores_every_index() {
    let options = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("fsync", "off")
        .with_setting("wal_level", "logical");
    on_every_major_alone_long("up and down migrations", options, async |major, cluster| {
        execute_sql(&cluster, "postgres", "create database corpus").await;
        execute_sql(&cluster, "postgres", "set allow_in_place_tablespaces = on").await;
        let client = connect_superuser(&cluster, "corpus").await;
        client.batch_execute("set allow_in_place_tablespaces = on").await.unwrap();
        client.batch_execute("create tablespace \"side space\" location ''").await.unwrap();
        run_statements(&client, &split_statements(CORPUS)).await;
        let (corpus, dumps) = apply_and_revert(&cluster, "corpus").await;
        let mut random = 0;
        // Different schemas on each major.
        for seed in [u64::from(major)] {
            let database = format!("random_{seed}");
            execute_sql(&cluster, "postgres", &format!("create database {database}")).await;
            let client = connect_superuser(&cluster, &database).await;
            for statement in random_schema(seed, 14, major) {
                client.simple_query(&statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
            }
            random += apply_and_revert(&cluster, &database).await.0;
        }
        let dumped = if dumps > 0 { "pg_dump agrees" } else { "no pg_dump beside the server" };
        print_stderr(&format!(
            "up and down migrations, {major}: {corpus} indexes of the corpus, {random} of random schemas; {dumped}"
        ));
    })
    .await;
}
