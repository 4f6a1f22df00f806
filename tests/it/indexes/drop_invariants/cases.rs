//! Cases of each rule, on small tables.

use tokio_postgres::Client;

use super::TestIndex;

/// The minimum of cases per rule on the newest major.
pub const CASES: u64 = 105;
/// The minimum on the other majors, to limit the duration.
pub const FEWER_CASES: u64 = 15;

/// A table with a case of every rule, and the statements to execute on it.
pub struct Case {
    pub indexes: Vec<TestIndex>,
    /// Must still succeed.
    pub runs: Vec<String>,
    /// Must still be refused.
    pub refused: Vec<String>,
    /// Must still use an index: the lookups of a foreign key.
    pub queries: Vec<String>,
}

pub async fn create_cases(client: &Client, major: u32, cases: u64) -> Vec<Case> {
    let mut created = Vec::new();
    for number in 0..cases {
        client.batch_execute(&case_setup(number, major)).await.unwrap_or_else(|error| panic!("{error:?}"));
        created.push(case_of(number, major));
    }
    created
}

fn case_setup(n: u64, major: u32) -> String {
    let nulls = if major >= 15 {
        format!(
            "create unique index r{n}_nulls on r{n} (b, a) nulls not distinct where a < 90;
             create unique index r{n}_nulls_lax on r{n} (b, a) where a < 90;"
        )
    } else {
        String::new()
    };
    format!(
        "create table q{n} (id int primary key, code int not null);
         insert into q{n} select i, i from generate_series(0, 60) i;
         create unique index q{n}_code on q{n} (code);
         create index q{n}_code_twin on q{n} (code);
         create table r{n} (a int not null, b int references q{n} (code), c text, d text, e int not null, g int[],
           j jsonb, p point, t timestamptz, f int references q{n}, x int, y int);
         insert into r{n} select i, i % 50, 'c' || i % 9, 'd' || i, i, array[i, i + 1], jsonb_build_object('k', i),
           point(i, i), timestamptz '2026-01-01' + i * interval '1 h', i % 7, i % 5, i % 3 from generate_series(1, 60) i;
         create index r{n}_same on r{n} (a, b); create index r{n}_same_too on r{n} (a, b);
         create index r{n}_up on r{n} (c, a); create index r{n}_down on r{n} (c desc, a desc);
         create index r{n}_hash on r{n} using hash (d); create index r{n}_hashed on r{n} (d);
         create index r{n}_some on r{n} (x) where e > 3; create index r{n}_all on r{n} (x);
         create unique index r{n}_key on r{n} (e); create unique index r{n}_key_twin on r{n} (e);
         create index r{n}_longer on r{n} (e, c);
         create index r{n}_gin on r{n} using gin (g); create index r{n}_gin_more on r{n} using gin (g, j);
         create index r{n}_brin on r{n} using brin (t); create index r{n}_brin_more on r{n} using brin (t, a);
         create index r{n}_gist on r{n} using gist (p); create index r{n}_gist_too on r{n} using gist (p);
         create index r{n}_prefix on r{n} (y); create index r{n}_prefixed on r{n} (y, x, c);
         create index r{n}_included on r{n} (y) include (c);
         create index r{n}_behind on r{n} (f); create index r{n}_behind_too on r{n} (f, y);
         {nulls}
         alter table r{n} replica identity using index r{n}_key;
         create publication r{n}_pub for table r{n};
         create materialized view w{n} as select a, count(*) as n from r{n} group by a;
         create unique index w{n}_u on w{n} (a); create unique index w{n}_w on w{n} (a); create index w{n}_x on w{n} (a);
         create table h{n} (a int not null, b int, c text) partition by range (a);
         create table h{n}_low partition of h{n} for values from (0) to (30);
         create table h{n}_high partition of h{n} for values from (30) to (100);
         insert into h{n} select i % 100, i, 'c' || i from generate_series(1, 60) i;
         create index h{n}_b on h{n} (b); create index h{n}_b_too on h{n} (b); create index h{n}_bc on h{n} (b, c);
         create index h{n}_low_local on h{n}_low (b); create unique index h{n}_u on h{n} (a, b);"
    )
}

fn case_of(n: u64, major: u32) -> Case {
    let served = |name: &str, question: &str| TestIndex {
        name: format!("r{n}_{name}"),
        served_query: Some(question.replace("from r", &format!("from r{n}"))),
        conflict_statement: None,
    };
    let of_partitions = |name: &str, order: &str| TestIndex {
        name: format!("h{n}_{name}"),
        served_query: Some(format!("select * from h{n} order by {order}")),
        conflict_statement: None,
    };
    let target = |name: &str, statement: String| TestIndex {
        name: name.to_owned(),
        served_query: None,
        conflict_statement: Some(statement),
    };
    let mut made = vec![
        served("same", "select * from r order by a, b"),
        served("same_too", "select * from r order by a, b"),
        served("up", "select * from r order by c, a"),
        served("down", "select * from r order by c desc, a desc"),
        served("hash", "select * from r where d = 'd5'"),
        served("hashed", "select * from r order by d"),
        served("some", "select * from r where e > 3 order by x"),
        served("all", "select * from r order by x"),
        served("longer", "select * from r order by e, c"),
        served("gin", "select * from r where g @> array[4]"),
        served("gin_more", "select * from r where j @> '{\"k\": 4}'"),
        served("brin", "select * from r where t < '2026-01-01'"),
        served("gist", "select * from r where p <@ box '(1,1),(2,2)'"),
        served("prefix", "select * from r order by y"),
        served("included", "select * from r order by y"),
        served("prefixed", "select * from r order by y, x, c"),
        of_partitions("b", "b"),
        of_partitions("b_too", "b"),
        of_partitions("bc", "b, c"),
        target(&format!("r{n}_key"), format!("insert into r{n} (a, e) values (1, 1) on conflict (e) do nothing")),
        target(&format!("w{n}_u"), format!("select * from w{n}")),
        target(&format!("q{n}_code"), format!("insert into q{n} values (99, 1) on conflict (code) do nothing")),
        target(&format!("h{n}_u"), format!("insert into h{n} values (1, 1) on conflict (a, b) do nothing")),
    ];
    let mut refused = vec![
        format!("insert into r{n} (a, e) values (1, 1)"),
        format!("insert into q{n} values (98, 1)"),
        format!("insert into h{n} values (1, 1)"),
    ];
    if major >= 15 {
        made.push(target(
            &format!("r{n}_nulls"),
            format!("insert into r{n} (a, b, e) values (1, 1, 900) on conflict (b, a) where a < 90 do nothing"),
        ));
        refused.push(format!("insert into r{n} (a, b, e) values (70, null, 901), (70, null, 902)"));
    }
    Case {
        indexes: made,
        runs: vec![
            format!("update r{n} set d = 'x' where a = 5"),
            format!("delete from r{n} where a = 6"),
            format!("refresh materialized view concurrently w{n}"),
        ],
        refused,
        queries: vec![format!("select 1 from only r{n} where f = 3 for key share")],
    }
}
