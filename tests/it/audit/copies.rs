//! Copies of a database: with pg_dump and pg_restore if this machine has them for the major, otherwise by a script.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::{SinkExt, StreamExt};
use pg_sandbox::Cluster;

use crate::clusters::{
    connect_superuser, execute_sql, query_one_text, query_texts, wait_until_sessions_ended, wait_until_true_in,
};

/// Bytes of each relation outside the catalogs, all forks, by name. A TOAST relation and its index are listed under the
/// name of their table.
pub type Sizes = BTreeMap<String, u64>;

/// Runs a file of statements one by one: VACUUM cannot run in a transaction block.
pub async fn run_script(cluster: &Cluster, database: &str, text: &str) {
    let client = connect_superuser(cluster, database).await;
    let parts = text.split(";\n\n");
    for statement in parts.flat_map(|part| if part.contains("$$") { vec![part] } else { part.split(";\n").collect() }) {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
    }
    drop(client);
    // A session reports its statistics when it ends. Reported after ANALYZE, they would count as changes since ANALYZE.
    wait_until_sessions_ended(cluster, database).await;
    execute_sql(cluster, database, "analyze").await;
    let counted = "select coalesce(sum(n_mod_since_analyze), 0) = 0 from pg_stat_user_tables";
    wait_until_true_in(cluster, database, counted).await;
}

pub async fn relation_sizes(cluster: &Cluster, database: &str, schema: &str) -> Sizes {
    let forks = "pg_relation_size(c.oid) + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm')";
    let query = format!(
        "select c.relname, {forks} from pg_class c where c.relnamespace = '{schema}'::regnamespace \
            and c.relkind in ('r', 'm', 'i') \
         union all \
         select 'toast of ' || c.relname, pg_total_relation_size(c.reltoastrelid) from pg_class c \
          where c.relnamespace = '{schema}'::regnamespace and c.reltoastrelid <> 0"
    );
    let rows = query_texts(cluster, database, &query).await;
    let cell = |text: &Option<String>| text.clone().expect("no null");
    rows.iter().map(|row| (cell(&row[0]), cell(&row[1]).parse().expect("a number"))).collect()
}

/// Copies a database into another one of the same cluster. Returns the sizes of its relations and of the database.
pub async fn dump_and_restore(cluster: &Cluster, database: &str) -> (Sizes, u64) {
    let copy = format!("{database}_copy");
    execute_sql(cluster, "postgres", &format!("create database {copy}")).await;
    let place = cluster.socket_dir().display().to_string();
    let port = cluster.port().to_string();
    let to = ["-h", &place, "-p", &port, "-U", "postgres", "-d"];
    let mut dump = Command::new("pg_dump")
        .args(to)
        .args([database, "-Fc", "-Z0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("pg_dump runs");
    let restored = Command::new("pg_restore")
        .args(to)
        .args([&copy, "--no-owner", "--exit-on-error"])
        .stdin(dump.stdout.take().expect("a pipe"))
        .status()
        .expect("pg_restore runs");
    assert!(dump.wait().expect("pg_dump ends").success() && restored.success());
    execute_sql(cluster, &copy, "vacuum analyze").await;
    let whole = query_one_text(cluster, "postgres", &format!("select pg_database_size('{copy}')")).await;
    (relation_sizes(cluster, &copy, "public").await, whole.expect("a size").parse().expect("a number"))
}

/// Whether this machine has a pg_dump of the server's major.
pub fn can_dump(major: u32) -> bool {
    let version = Command::new("pg_dump").arg("--version").output();
    let is_it = |text: &str| text.contains(&format!(") {major}."));
    Path::new("/usr").exists() && version.is_ok_and(|output| is_it(&String::from_utf8_lossy(&output.stdout)))
}

/// Copies each table row by row into another schema of the same database. Returns the sizes of the relations.
pub async fn copy_by_script(cluster: &Cluster, database: &str) -> Sizes {
    execute_sql(cluster, database, "create schema copied").await;
    let tables = "select relname, coalesce('with (' || array_to_string(reloptions, ', ') || ')', '') from pg_class \
                   where relnamespace = 'public'::regnamespace and relkind in ('r', 'm') order by oid";
    for row in query_texts(cluster, database, tables).await {
        let (name, options) = (row[0].clone().expect("a name"), row[1].clone().expect("a text"));
        // Neither a composite type nor a table like it has storage options; columns include their own.
        execute_sql(
            cluster,
            database,
            &format!("create table copied.{name} (like public.{name} including storage) {options}"),
        )
        .await;
        // Copied as text, as in a dump: a value that moves from table to table directly stays compressed as it was.
        let client = connect_superuser(cluster, database).await;
        let rows = client.copy_out(&format!("copy (select * from public.{name}) to stdout")).await.expect("copy out");
        let into = connect_superuser(cluster, database).await;
        let sink =
            into.copy_in::<_, Cursor<Vec<u8>>>(&format!("copy copied.{name} from stdin")).await.expect("copy in");
        let mut sink = std::pin::pin!(sink);
        let mut rows = std::pin::pin!(rows);
        while let Some(part) = rows.next().await {
            sink.send(Cursor::new(part.expect("rows").as_ref().to_vec())).await.expect("rows go in");
        }
        sink.as_mut().finish().await.expect("the copy ends");
    }
    let indexes = "select replace(replace(pg_get_indexdef(i.indexrelid), ' ON public.', ' ON copied.'), \
                                  ' ON ONLY public.', ' ON copied.') \
                     from pg_index i join pg_class c on c.oid = i.indexrelid \
                    where c.relnamespace = 'public'::regnamespace and c.relkind = 'i' order by c.oid";
    for row in query_texts(cluster, database, indexes).await {
        execute_sql(cluster, database, row[0].as_deref().expect("a definition")).await;
    }
    execute_sql(cluster, database, "vacuum analyze").await;
    relation_sizes(cluster, database, "copied").await
}
