//! Random schemas with all properties of indexes.

/// Reproducible: the same schema for the same seed on every server.
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

const SCHEMAS: [&str; 3] = ["app", "\"Mixed Case\"", "\"select\""];

/// Names that break careless quoting, in any language of migrations.
const NAMES: [&str; 12] = [
    "plain",
    "user",
    "a;b",
    "it's",
    "tick`s ${x} #{y}",
    "per%cent %(x)s",
    "colon:name ::x",
    "what?",
    "dash -- not a comment; really",
    "$$ dollar $pgtend1$",
    "ünïcode ☃",
    "dq\"inside",
];

fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the statements that create a schema, one by one.
pub fn random_schema(seed: u64, tables: u64, major: u32) -> Vec<String> {
    let mut random = SeededRandom(seed);
    let mut made: Vec<String> =
        vec!["set allow_in_place_tablespaces = on".to_owned(), "create extension if not exists btree_gist".to_owned()];
    made.extend(SCHEMAS.iter().map(|schema| format!("create schema {schema}")));
    for number in 0..tables {
        let schema = random.choose(&SCHEMAS);
        let table = format!("{schema}.{}", quote_name(&format!("t{number} {}", random.choose(&NAMES))));
        let columns = "(a int not null, b int, c text, \"D d\" text not null, e jsonb, f tsrange, g int[], h date)";
        let kind = random.below(10);
        match kind {
            0 | 1 => {
                made.push(format!("create table {table} {columns} partition by range (a)"));
                for part in 0..3 {
                    let name = format!("{schema}.\"t{number} part {part}\"");
                    let (from, to) = (part * 100, part * 100 + 100);
                    match part {
                        2 => {
                            made.push(format!("create table {name} partition of {table} for values from ({from}) to ({to}) partition by list (b)"));
                            made.push(format!("create table {schema}.\"t{number} deep\" partition of {name} default"));
                        }
                        _ => made.push(format!(
                            "create table {name} partition of {table} for values from ({from}) to ({to})"
                        )),
                    }
                }
            }
            2 => {
                let query = "select i as a, i as b, 'c' || i as c, 'd' || i as \"D d\", jsonb_build_object('k', i) as e, \
                             tsrange(now()::timestamp, null) as f, array[i] as g, date '2020-01-01' + i as h";
                made.push(format!("create materialized view {table} as {query} from generate_series(1, 50) i"));
            }
            3 => made.push(format!("create unlogged table {table} {columns}")),
            _ => made.push(format!("create table {table} {columns}")),
        }
        let is_partitioned = kind < 2;
        if kind != 2 {
            made.push(format!(
                "insert into {table} select i, i % 7, 'c' || i % 11, 'd' || i, jsonb_build_object('k', i), \
                 tsrange(now()::timestamp, null), array[i], date '2020-01-01' + i from generate_series(0, 299) i"
            ));
        }
        for column in 0..3 + random.below(4) {
            random_index(
                &mut random,
                &mut made,
                (schema, &table),
                (number, column),
                (is_partitioned, kind == 2),
                major,
            );
        }
    }
    made.push("analyze".to_owned());
    made
}

fn random_index(
    random: &mut SeededRandom,
    made: &mut Vec<String>,
    (schema, table): (&str, &str),
    (number, place): (u64, u64),
    (is_partitioned, is_view): (bool, bool),
    major: u32,
) {
    let bare = quote_name(&format!("i{number}_{place} {}", random.choose(&NAMES)));
    let name = format!("{schema}.{bare}");
    let unique = random.happens(15);
    let method = if unique {
        "btree"
    } else {
        random.choose(&["btree", "btree", "btree", "btree", "hash", "gin", "gist", "brin"])
    };
    let mut is_expression = false;
    let key = match method {
        "hash" => random.choose(&["a", "c", "\"D d\""]).to_owned(),
        "gin" => random.choose(&["e", "e jsonb_path_ops", "g", "to_tsvector('english', c)"]).to_owned(),
        "gist" => random.choose(&["f", "f, a"]).to_owned(),
        "brin" => random.choose(&["a", "a, b", "h"]).to_owned(),
        _ if unique && !is_partitioned => random.choose(&["a, \"D d\"", "\"D d\", a desc", "a, b, \"D d\""]).to_owned(),
        _ if unique => random.choose(&["a, \"D d\", b", "\"D d\", b, a desc"]).to_owned(),
        _ => {
            let pool = [
                "a",
                "b desc",
                "b nulls first",
                "c text_pattern_ops",
                "c collate \"C\"",
                "lower(c)",
                "(a % 7)",
                "(c || ';it''s -- ' || \"D d\")",
                "(e ->> 'k')",
                "((e ? 'k'))",
                "h desc nulls last",
            ];
            let keys: Vec<&str> = (0..1 + random.below(3)).map(|_| random.choose(&pool)).collect();
            keys.join(", ")
        }
    };
    if key.contains('(') {
        is_expression = true;
    }
    let mut statement =
        format!("create {}index {bare} on {table} using {method} ({key})", if unique { "unique " } else { "" });
    let may_include = method == "btree" && random.happens(20);
    if may_include {
        statement.push_str(" include (b, c)");
    }
    if unique && major >= 15 && random.happens(30) {
        statement.push_str(" nulls not distinct");
    }
    let storage = match method {
        "btree" => random.choose(&["", "", " with (fillfactor = 70)", " with (deduplicate_items = off)"]),
        "gin" => random.choose(&["", " with (fastupdate = off)"]),
        "brin" => random.choose(&["", " with (pages_per_range = 8)"]),
        _ => "",
    };
    statement.push_str(storage);
    if random.happens(25) {
        statement.push_str(" tablespace \"side space\"");
    }
    if random.happens(30) {
        let predicate = random.choose(&[
            "b > 3",
            "c is not null and b <> 1",
            "c = 'it''s; -- ${x} \\ ?'",
            "h > date '2020-02-01'",
            "c like '%x%' or e ? 'k'",
        ]);
        statement.push_str(&format!(" where {predicate}"));
    }
    made.push(statement);
    if random.happens(40) {
        let comment = random.choose(&[
            "plain",
            "it's; \"quoted\" -- \\ ${x} :y %s ?",
            "two\nlines\tand a tab",
            "-- migrate:down",
            "☃",
        ]);
        made.push(format!("comment on index {name} is '{}'", comment.replace('\'', "''")));
    }
    if is_expression && method == "btree" && random.happens(40) {
        let expressions = key.split(", ").position(|key| key.contains('(')).map_or(1, |position| position + 1);
        // The first expression, if no comma in it hides the next one.
        if !key.contains("','") {
            made.push(format!("do $$ begin alter index {} alter column {expressions} set statistics 321; exception when others then null; end $$", name.replace("$$", "")));
        }
    }
    if method == "btree" && !is_partitioned && random.happens(15) && !statement_is_partial(made) {
        made.push(format!("alter table {table} cluster on {bare}"));
    }
    if unique && !is_partitioned && !is_view && !key.contains('b') && random.happens(50) && !statement_is_partial(made)
    {
        // Only for columns that are never null.
        made.push(format!("alter table {table} replica identity using index {bare}"));
    }
    if random.happens(10) {
        made.push(format!("alter index {name} depends on extension btree_gist"));
    }
}

fn statement_is_partial(made: &[String]) -> bool {
    made.iter()
        .rev()
        .find(|text| text.starts_with("create ") && text.contains("index"))
        .is_some_and(|text| text.contains(" where "))
}
