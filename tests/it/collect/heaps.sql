-- Tables that are made, filled and emptied in different ways; the statistics are fresh for all but the last.
create table narrow as select g from generate_series(1, 100000) g;

create table padded (a bool, b int8, c bool, d int8, e int2, f int4);
insert into padded select true, g, false, g, 1, g from generate_series(1, 50000) g;

do $$ begin
  execute 'create table wide (' || (select string_agg(format('c%s text', i), ', ') from generate_series(1, 30) i) || ')';
  execute 'insert into wide select ' || (select string_agg(format('repeat(''x'', (g * %s) %% 17)', i), ', ')
                                           from generate_series(1, 30) i) || ' from generate_series(1, 10000) g';
end $$;

do $$ begin
  execute 'create table nulls (' || (select string_agg(format('c%s int8', i), ', ') from generate_series(1, 20) i) || ')';
  execute 'insert into nulls select ' || (select string_agg(format('case when hashint4(g * 31 + %s) %% 10 in (0, 1, 2) then g end', i), ', ')
                                           from generate_series(1, 20) i) || ' from generate_series(1, 30000) g';
end $$;

create table numerics as
select g as id, (g * 1.37)::numeric(14, 2) as price, (g % 1000)::numeric as quantity, now() as at
  from generate_series(1, 50000) g;

create table texts as
select g as id, md5(g::text) as hash, repeat('y', abs(hashint4(g)) % 200) as remark, 'open'::text as status
  from generate_series(1, 40000) g;

create table documents as
select g as id, jsonb_build_object('id', g, 'name', md5(g::text), 'tags', jsonb_build_array(g % 7, g % 11)) as document
  from generate_series(1, 30000) g;

create table toasted (id int, big text);
alter table toasted alter big set storage external;
insert into toasted select g, repeat(md5(g::text), 160) from generate_series(1, 3000) g;

create table fillfactor_70 (id int, t text) with (fillfactor = 70);
insert into fillfactor_70 select g, md5(g::text) from generate_series(1, 40000) g;

create table mixed as
select md5(g::text)::uuid as id, now() as created_at, g % 2 = 0 as is_open, (g % 5)::int2 as kind,
       'user' || g || '@example.org' as email, case when g % 3 = 0 then now() end as closed_at
  from generate_series(1, 40000) g;

create table large_rows as
select g as id, repeat(chr(65 + g % 26), 700 + abs(hashint4(g)) % 500) as body from generate_series(1, 6000) g;

create table dropped_column (id int, gone text, kept text);
insert into dropped_column select g, md5(g::text), 'k' || g from generate_series(1, 40000) g;
alter table dropped_column drop column gone;

create table deleted_half as select g as id, md5(g::text) as t from generate_series(1, 60000) g;
delete from deleted_half where id % 2 = 0;
vacuum deleted_half;

create table deleted_most as select g as id, md5(g::text) as t from generate_series(1, 60000) g;
delete from deleted_most where id % 10 <> 0;
vacuum deleted_most;

create table deleted_tail as select g as id, md5(g::text) as t from generate_series(1, 60000) g;
delete from deleted_tail where id > 20000;
vacuum deleted_tail;

create table updated_twice as select g as id, md5(g::text) as t from generate_series(1, 40000) g;
update updated_twice set id = id + 1;
update updated_twice set id = id + 1;

create table empty (id int);

analyze;

create table never_analysed as select g from generate_series(1, 50000) g;
