//! Random schemas: access methods, columns, orders, collations, predicates, uniqueness, INCLUDE.

use tokio_postgres::Client;

use super::TestIndex;

/// Tables with random indexes.
pub const TABLES: u64 = 60;

/// Reproducible: the same schemas on every server and in every run.
pub struct SeededRandom(pub u64);

impl SeededRandom {
    pub fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub fn choose<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

const PREDICATES: [&str; 2] = ["b > 500", "c is not null"];

/// Creates the tables; returns the uses of each of their indexes.
pub async fn create_tables(client: &Client, random: &mut SeededRandom) -> Vec<TestIndex> {
    let mut schemas = Vec::new();
    for number in 0..TABLES {
        let table = format!("t{number}");
        let setup = format!(
            "create table {table} (a int not null, b int, c text, d text, e int not null);
             insert into {table} select (i * 7919) % 3001, (i * 31) % 997, 'c' || (i * 17) % 501, 'd' || i % 7,
               (i * 4999) % 3001 from generate_series(1, 3000) i"
        );
        client.batch_execute(&setup).await.unwrap();
        for place in 0..4 + random.below(6) {
            let name = format!("{table}_i{place}");
            let hash = random.happens(6);
            let unique = !hash && random.happens(25);
            let mut columns: Vec<&str> = Vec::new();
            let count = if hash { 1 } else { 1 + random.below(3) };
            for _ in 0..count {
                let column = random.choose(&["a", "b", "b", "c", "e"]);
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            if unique && !columns.contains(&"a") && !columns.contains(&"e") {
                columns.insert(0, "a");
            }
            let collate = random.happens(20);
            let upside_down = random.happens(20);
            let keys: Vec<String> = columns
                .iter()
                .map(|column| {
                    let collation = if *column == "c" && collate { " collate \"C\"" } else { "" };
                    let direction = match (hash, upside_down) {
                        (true, _) => "",
                        (false, true) => " desc",
                        (false, false) if random.happens(8) => " desc nulls last",
                        (false, false) => "",
                    };
                    format!("{column}{collation}{direction}")
                })
                .collect();
            let predicate = random.happens(20).then(|| random.choose(&PREDICATES));
            let include = if !hash && random.happens(15) { " include (d)" } else { "" };
            let statement = format!(
                "create {} index {name} on {table} using {} ({}){include}{}",
                if unique { "unique" } else { "" },
                if hash { "hash" } else { "btree" },
                keys.join(", "),
                predicate.map(|text| format!(" where {text}")).unwrap_or_default(),
            );
            client.batch_execute(&statement).await.unwrap();
            let bare: Vec<&str> = keys.iter().map(|key| key.split(" desc").next().unwrap()).collect();
            let filter = predicate.map(|text| format!(" where {text}")).unwrap_or_default();
            schemas.push(TestIndex {
                served_query: (!hash)
                    .then(|| format!("select a, b, c, d, e from {table}{filter} order by {}", keys.join(", "))),
                conflict_statement: unique.then(|| {
                    let target = bare.join(", ");
                    format!(
                        "insert into {table} values (1, 600, 'c1', 'd', 1) on conflict ({target}){filter} do nothing"
                    )
                }),
                name,
            });
        }
    }
    schemas
}
