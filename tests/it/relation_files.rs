//! The size of a relation's files equals the size that the server reports.

use std::fs::File;

use tokio_postgres::types::Type;

use super::clusters::{cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone};

const FILES_QUERY: &str = include_str!("../../queries/relation_files.sql");
const SIZES_QUERY: &str = include_str!("../../queries/relation_sizes.sql");

const DATA: &str = "\
create table big (id bigint primary key, payload text);
insert into big select n, repeat(md5(n::text), 200) from generate_series(1, 3000) n;
create unlogged table quick (id int primary key, payload text);
insert into quick select n, 'x' from generate_series(1, 3000) n;
create materialized view mirror as select * from big;
create table empty (payload text);
create index on big using gin (to_tsvector('simple', payload))";

async fn query_sizes(client: &tokio_postgres::Client, query: &str, oids: &[i64]) -> Vec<(i64, Option<i64>)> {
    let rows = client.query_typed(query, &[(&oids, Type::INT8_ARRAY)]).await.unwrap();
    let mut sizes: Vec<_> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test]
async fn relation_files_match_pg_relation_size() {
    on_a_major_and_the_newest_alone(13, "sizes by files and by the server", cluster_options(), async |_, cluster| {
        execute_sql(&cluster, "postgres", DATA).await;
        execute_sql(&cluster, "postgres", "vacuum").await;
        let client = connect_superuser(&cluster, "postgres").await;
        // A second and a third segment without data; the server counts the files in the directory.
        let path: String = client.query_one("select pg_relation_filepath('empty')", &[]).await.unwrap().get(0);
        let first = cluster.data_directory().join(path);
        for (end, bytes) in [("", 1 << 30), (".1", 1 << 30), (".2", 81_920)] {
            let segment = first.with_file_name(format!("{}{end}", first.file_name().unwrap().to_str().unwrap()));
            File::options().create(true).append(true).open(segment).unwrap().set_len(bytes).unwrap();
        }
        let with_files = "select array_agg(oid::int8) from pg_class where relkind in ('r', 'm', 't', 'i')";
        let mut oids: Vec<i64> = client.query_one(with_files, &[]).await.unwrap().get(0);
        oids.push(4_000_000_000);
        let by_files = query_sizes(&client, FILES_QUERY, &oids).await;
        assert_eq!(by_files, query_sizes(&client, SIZES_QUERY, &oids).await);
        assert_eq!(by_files.len(), oids.len() - 1, "a relation that was dropped is left out");
        assert!(by_files.iter().all(|(_, bytes)| bytes.is_some()));
        assert!(by_files.iter().any(|(_, bytes)| *bytes == Some((2 << 30) + 81_920)));
    })
    .await;
}
