//! Every variant of every query, prepared on the majors it is for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use pg_sandbox::installation::MAJORS;
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

const BEGIN: &str = "<!-- variants of queries: made by `UPDATE_DOCS=1 cargo test queries_by_major` -->\n";
const END: &str = "<!-- end -->\n";

/// The table of docs/postgres-19.md: for each fact that is not read by the same query everywhere, the majors of each
/// variant.
#[test]
fn queries_by_major_are_documented() {
    let mut table = "| fact | majors of each query |\n| --- | --- |\n".to_owned();
    for query in ALL {
        let starts: Vec<u32> = query.variants.iter().map(|(since, _)| *since).collect();
        if starts == [*MAJORS.start()] {
            continue;
        }
        let ends = starts.iter().skip(1).map(|next| next - 1).chain([*MAJORS.end()]);
        let majors = starts.iter().zip(ends).map(|(first, last)| match *first == last {
            true => first.to_string(),
            false => format!("{first}–{last}"),
        });
        table.push_str(&format!("| {} | {} |\n", query.fact, majors.collect::<Vec<_>>().join(", ")));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/postgres-19.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("a mark where the table begins");
    let (written, after) = rest.split_once(END).expect("a mark where the table ends");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("the page is written");
        return;
    }
    assert_eq!(
        written, table,
        "the table of docs/postgres-19.md differs: run UPDATE_DOCS=1 cargo test queries_by_major"
    );
}
