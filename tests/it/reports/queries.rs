//! Every variant of every query, prepared on the majors it is for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use pgtend::collect::queries::ALL;
use tokio_postgres::NoTls;

use super::fixture_servers::{DATABASE, ROLES, fixture_servers, role_conninfo};
use crate::clusters::on_every_installation;

type ColumnTypes = Vec<(String, String)>;

#[tokio::test]
async fn queries_variants_return_the_same_columns() {
    let mut shapes: BTreeMap<&str, ColumnTypes> = BTreeMap::new();
    let shapes = std::cell::RefCell::new(&mut shapes);
    on_every_installation("prepared queries", async |major, _| {
        for role in ROLES {
            let (client, connection) =
                tokio_postgres::connect(&role_conninfo(&fixture_servers(major).primary, role, DATABASE), NoTls)
                    .await
                    .unwrap();
            tokio::spawn(connection);
            client.batch_execute("set search_path = pg_catalog, pg_temp").await.unwrap();
            let mut prepared = 0;
            for query in ALL {
                // The last applicable variant is used; an older one may refer to a removed column.
                let Ok(sql) = query.sql_for(major) else { continue };
                let statement =
                    client.prepare(sql).await.unwrap_or_else(|error| panic!("{} as {role}: {error:?}", query.fact));
                let columns = statement.columns().iter();
                let shape: ColumnTypes =
                    columns.map(|column| (column.name().to_owned(), column.type_().to_string())).collect();
                match shapes.borrow_mut().entry(query.fact) {
                    Entry::Vacant(first) => drop(first.insert(shape)),
                    Entry::Occupied(first) => assert_eq!(*first.get(), shape, "{} on {major}", query.fact),
                }
                prepared += 1;
            }
            assert!(prepared >= 20, "only {prepared} facts on {major}");
        }
    })
    .await;
}
