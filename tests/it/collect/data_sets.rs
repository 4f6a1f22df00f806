//! Data sets for which an estimate of sizes is difficult.

/// So many tables in every database, each with an index and TOAST, that only a part of the relations is measured.
pub const SMALL_TABLES: &str = "do $$ begin for n in 1..300 loop \
    execute format('create table small_%s (id int primary key, t text)', n); \
    if n % 10 = 0 then execute format('insert into small_%s values (1, %L)', n, 'a'); end if; \
    end loop; end $$";

/// A name, and the statements that are executed one at a time.
pub type DataSet = (&'static str, &'static [&'static str]);

const LOAD_ROWS: &str =
    "create table loaded as select g as id, repeat(md5(g::text), 3) as t from generate_series(1, 50000) g";

pub const DATA_SETS: &[DataSet] = &[
    ("fresh", &[LOAD_ROWS, "alter table loaded add primary key (id)"]),
    (
        "inserted",
        &[
            "create table inserted (id int primary key, t text)",
            "insert into inserted select g, repeat(md5(g::text), 3) from generate_series(1, 50000) g",
        ],
    ),
    (
        "truncated",
        &[
            LOAD_ROWS,
            "create table emptied as table loaded",
            "alter table emptied add primary key (id)",
            "vacuum analyze emptied",
            "truncate emptied",
        ],
    ),
    (
        "truncated_in_place",
        &[
            LOAD_ROWS,
            "begin; create table emptied as table loaded; create index on emptied (id); analyze emptied; truncate emptied; commit",
        ],
    ),
    (
        "bloated",
        &[
            "create table bloated as select g as id, repeat(md5(g::text), 3) as t from generate_series(1, 20000) g",
            "create index on bloated (id)",
            "vacuum analyze bloated",
            "update bloated set id = id + 1",
            "update bloated set id = id + 1",
            "update bloated set id = id + 1",
            "update bloated set id = id + 1",
            "update bloated set id = id + 1",
        ],
    ),
    (
        "rolled_back",
        &[
            "create table rolled_back as select g as id, repeat(md5(g::text), 3) as t from generate_series(1, 20000) g",
            "create index on rolled_back (id)",
            "vacuum analyze rolled_back",
            "begin; insert into rolled_back select id + 20000, t from rolled_back, generate_series(1, 4); rollback",
        ],
    ),
    (
        "toast_only",
        &[
            "create table thick (id int, t text)",
            "alter table thick alter column t set storage external",
            "insert into thick select g, repeat(md5(g::text), 32768) from generate_series(1, 20) g",
        ],
    ),
    (
        "toast_grown",
        &[
            "create table thick (id int, t text)",
            "alter table thick alter column t set storage external",
            "insert into thick select g, repeat(md5(g::text), 32768) from generate_series(1, 3) g",
            "vacuum analyze thick",
            "update thick set t = t || 'x'",
            "update thick set t = t || 'x'",
            "update thick set t = t || 'x'",
            "update thick set t = t || 'x'",
            "update thick set t = t || 'x'",
        ],
    ),
    (
        "deleted",
        &[
            "create table half (id int primary key, t text)",
            "create table head (id int primary key, t text)",
            "create table tail (id int primary key, t text)",
            "begin; insert into half select g, repeat(md5(g::text), 3) from generate_series(1, 30000) g; \
         insert into head table half; insert into tail table half; commit",
            "begin; delete from half where id % 2 = 0; delete from head where id > 1000; delete from tail where id < 29000; commit",
            "vacuum",
        ],
    ),
    (
        "deleted_index_kept",
        &[
            LOAD_ROWS,
            "alter table loaded add primary key (id)",
            "vacuum analyze loaded",
            "delete from loaded",
            "vacuum (index_cleanup off) loaded",
            "insert into loaded select g from generate_series(1, 80000) g",
            "delete from loaded",
            "vacuum (index_cleanup off) loaded",
        ],
    ),
    (
        "sequences",
        &[
            "do $$ begin for n in 1..1000 loop execute format('create sequence s_%s', n); end loop; end $$",
            "do $$ begin for n in 1001..2000 loop execute format('create sequence s_%s', n); end loop; end $$",
        ],
    ),
    (
        "large_objects",
        &["select lo_from_bytea(0, convert_to(repeat(md5(g::text), 32768), 'UTF8')) from generate_series(1, 20) g"],
    ),
    (
        "catalogs_bloated",
        &[
            "do $$ begin for n in 1..800 loop create temp table t (a int, b int, c int, d int, e int, f int, g int, h int); \
         drop table t; end loop; end $$",
            "do $$ begin for n in 1..800 loop create temp table t (a int, b int, c int, d int, e int, f int, g int, h int); \
         drop table t; end loop; end $$",
        ],
    ),
    (
        "indexes_grown",
        &[
            "create table narrow (id int, t text)",
            "create index narrow_half on narrow (id) with (fillfactor = 50)",
            "create index narrow_hash on narrow using hash (id)",
            "create index narrow_brin on narrow using brin (id)",
            "create index narrow_gin on narrow using gin (to_tsvector('simple', t))",
            "create index narrow_wide on narrow (repeat(t, 5))",
            "insert into narrow select g, md5(g::text) from generate_series(1, 1000) g",
            "vacuum analyze narrow",
            "insert into narrow select g * 7919 % 100003, md5(g::text) from generate_series(1, 30000) g",
        ],
    ),
    (
        "index_made_later",
        &[
            LOAD_ROWS,
            "vacuum analyze loaded",
            "create index on loaded (t)",
            "create index on loaded (t, id)",
            "reindex table loaded",
        ],
    ),
    (
        "materialized",
        &[
            LOAD_ROWS,
            "create materialized view seen as table loaded",
            "analyze seen",
            "insert into loaded table loaded",
            "refresh materialized view seen",
        ],
    ),
    (
        "partitioned",
        &[
            "create table parted (id int, t text) partition by range (id)",
            "create table parted_1 partition of parted for values from (0) to (25000)",
            "create table parted_2 partition of parted for values from (25000) to (50000)",
            "create index on parted (id)",
            "insert into parted select g, repeat(md5(g::text), 3) from generate_series(0, 49999) g",
            "analyze parted",
            "insert into parted select g, repeat(md5(g::text), 3) from generate_series(0, 49999) g",
        ],
    ),
    (
        "statistics_reset",
        &[
            "create table grown (id int primary key, t text)",
            "insert into grown values (0, 'a')",
            "analyze grown",
            "insert into grown select g, repeat(md5(g::text), 3) from generate_series(1, 50000) g",
            "select pg_stat_reset()",
        ],
    ),
    (
        "forgotten_little",
        &[
            "create table grown (id int primary key, t text)",
            "insert into grown values (0, 'a')",
            "analyze grown",
            "insert into grown select g, repeat(md5(g::text), 3) from generate_series(1, 8500) g",
            "select pg_stat_reset()",
        ],
    ),
    (
        "uncounted",
        &["set track_counts = off; create table uncounted (id int primary key, t text); \
         insert into uncounted select g, repeat(md5(g::text), 3) from generate_series(1, 50000) g"],
    ),
    (
        "copied_without_free_space_map",
        &[
            "do $$ begin for n in 1..150 loop execute format('create table copy_%s as select g as id, repeat(md5(g::text), 30) \
         as t from generate_series(1, 60) g', n); execute format('analyze copy_%s', n); end loop; end $$",
        ],
    ),
];

/// Before a crash: logged relations are recovered, unlogged ones are emptied, and the statistics are lost.
pub const CRASH_DATA_SETS: &[DataSet] = &[
    (
        "unlogged",
        &[
            LOAD_ROWS,
            "create unlogged table gone as table loaded",
            "create index on gone (t)",
            "create unlogged table thick (id int, t text)",
            "alter table thick alter column t set storage external",
            "insert into thick select g, repeat(md5(g::text), 32768) from generate_series(1, 5) g",
            "vacuum analyze",
        ],
    ),
    (
        "forgotten",
        &[
            "create table forgotten (id int primary key, t text)",
            "insert into forgotten select g, repeat(md5(g::text), 3) from generate_series(1, 50000) g",
            "create table thick (id int, t text)",
            "alter table thick alter column t set storage external",
            "insert into thick select g, repeat(md5(g::text), 32768) from generate_series(1, 10) g",
        ],
    ),
    (
        "forgotten_growth",
        &[
            "create table grown (id int primary key, t text)",
            "insert into grown select g, repeat(md5(g::text), 3) from generate_series(1, 10000) g",
            "vacuum analyze grown",
            "insert into grown select g, repeat(md5(g::text), 3) from generate_series(10001, 16000) g",
        ],
    ),
];
