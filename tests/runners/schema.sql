-- Indexes with all properties that a migration must restore, under names that break careless quoting.
create schema shop;
create schema "Odd Schema";
create table shop.users (id int primary key, name text, email text, data jsonb, created date);
insert into shop.users select i, 'n' || i % 97, 'u' || i, jsonb_build_object('k', i % 5), date '2026-01-01' + i % 300
  from generate_series(1, 2000) i;
create index users_name on shop.users (name);
create index "users; DROP TABLE users; --" on shop.users (created desc nulls last) include (name);
create index "100% it's :name ? ${x} #{y} %(z)s" on shop.users (email text_pattern_ops) where data ? 'k' and name <> 'a;:b -- c%';
comment on index shop."100% it's :name ? ${x} #{y} %(z)s" is
  'it''s "quoted" 100% :name ::x %(s)s {b} #{ruby} `js` \n -- migrate:down
-- +goose Down
--rollback';
create index users_lower on shop.users (lower(email), name collate "C") with (fillfactor = 70);
alter index shop.users_lower alter column 1 set statistics 321;
alter table shop.users cluster on users_lower;
create table "Odd Schema"."Odd ""Name"" tbl" ("Mixed.Case" int, "ünï" text);
insert into "Odd Schema"."Odd ""Name"" tbl" select i, 'v' || i from generate_series(1, 500) i;
create index "ünïcode ☃ idx" on "Odd Schema"."Odd ""Name"" tbl" ("ünï");
create table shop.events (id bigint, at date, kind int) partition by range (at);
create table shop.events_1 partition of shop.events for values from ('2025-01-01') to ('2026-01-01');
create table shop.events_2 partition of shop.events for values from ('2026-01-01') to ('2027-01-01') partition by list (kind);
create table shop.events_2_rest partition of shop.events_2 default;
insert into shop.events select i, date '2025-01-01' + i % 700, i % 3 from generate_series(1, 3000) i;
create index events_id on shop.events (id);
comment on index shop.events_id is 'the root';
comment on index shop.events_1_id_idx is 'a child';
analyze;
-- Every table is read: indexes of unread tables are kept.
select count(u.*), count(distinct o.*) from shop.users u, "Odd Schema"."Odd ""Name"" tbl" o where o."Mixed.Case" = 1;
select count(*) from shop.events;
