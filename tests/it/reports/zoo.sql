-- One of every kind of relation and index. Runs on 13 to 19, as superuser, in one transaction.
create schema zoo;
create table zoo.heap (id int primary key, word text, number int not null, kept int, tags int[], span int4range, place point);
insert into zoo.heap select n, 'word ' || n, n, n % 7, array[n % 10, n % 3], int4range(n * 2, n * 2 + 1), point(n, n)
  from generate_series(1, 5000) n;
alter table zoo.heap add constraint heap_number_key unique (number) include (word);
alter table zoo.heap add constraint heap_span_excl exclude using gist (span with &&);
create unique index heap_identity on zoo.heap (number, id);
alter table zoo.heap replica identity using index heap_identity;
create index heap_clustered on zoo.heap (kept, id desc);
alter table zoo.heap cluster on heap_clustered;
create index heap_partial on zoo.heap (id) where kept = 3;
create index heap_expression on zoo.heap (lower(word), number, (kept + 1));
create index heap_include on zoo.heap (kept) include (word, number);
create index heap_gin on zoo.heap using gin (tags);
create index heap_hash on zoo.heap using hash (word);
create index heap_brin on zoo.heap using brin (id);
create index heap_spgist on zoo.heap using spgist (place);
create index heap_dropped_column on zoo.heap (word);
create table zoo.duplicates as select n % 100 as n from generate_series(1, 1000) n;

create table zoo.tree (id int not null, at date not null, word text) partition by range (id);
create table zoo.tree_low partition of zoo.tree for values from (0) to (1000) partition by hash (id);
create table zoo.tree_low_0 partition of zoo.tree_low for values with (modulus 2, remainder 0);
create table zoo.tree_low_1 partition of zoo.tree_low for values with (modulus 2, remainder 1);
create table zoo.tree_high partition of zoo.tree for values from (1000) to (9000);
create index tree_id on zoo.tree (id);
create index tree_word on only zoo.tree (word);
insert into zoo.tree select n, date '2026-01-01' + n % 300, repeat(md5(n::text), 3) from generate_series(1, 6000) n;
alter table zoo.tree add primary key (id);

create table zoo.parent (id int);
create table zoo.child (more int) inherits (zoo.parent);
insert into zoo.child select n, n from generate_series(1, 500) n;

create table zoo.toasted (id int, document text);
alter table zoo.toasted alter document set storage external;
insert into zoo.toasted select n, repeat(md5(n::text), 2000) from generate_series(1, 40) n;
create unlogged table zoo.unlogged as select n as id, md5(n::text) as word from generate_series(1, 3000) n;
create index unlogged_id on zoo.unlogged (id);
create materialized view zoo.seen as select id, word from zoo.heap where id < 2000;
create unique index seen_id on zoo.seen (id);
create materialized view zoo.unseen as select id from zoo.heap with no data;
create table zoo.empty (id bigint generated always as identity primary key, document text);
create foreign data wrapper nowhere;
create server nowhere foreign data wrapper nowhere;
create foreign table zoo.foreign_one (id int) server nowhere;
create table zoo.of_extension (id int primary key);
alter extension plpgsql add table zoo.of_extension;
create view zoo.view as select 1 as one;
create sequence zoo.numbers;
select lo_from_bytea(0, decode(string_agg(md5(n::text), ''), 'hex')) from generate_series(1, 40000) n;
