-- Events: partitions, nulls, dropped columns, BRIN, hash and GiST, a queue that is mostly holes.
create table events (id bigint, at timestamptz not null, device int, kind smallint, value float8, extra text, flag bool)
partition by range (at);
create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');
insert into events
select g, timestamptz '2026-01-01' + g * interval '12 seconds', g % 700, g % 9, sqrt(g),
       case when g % 4 = 0 then 'extra ' || g % 1000 end, case when g % 50 = 0 then true end
  from generate_series(1, 350000) g;
create index events_at on events using brin (at);
create index events_device on events (device, at);
create index events_flagged on events (device) where flag;
create index events_extra on events (extra);
delete from events where at < '2026-01-20';

create table queue (id bigint primary key, due timestamptz, state int, payload text);
create index queue_due on queue (due);
create index queue_state on queue (state, due);
do $$ begin
  for batch in 0..14 loop
    insert into queue select batch * 10000 + g, now() + g * interval '1 second', g % 4, repeat('p', g % 80) from generate_series(1, 10000) g;
    delete from queue where id < batch * 10000 - 5000;
  end loop;
end $$;

create table shrunk (a int, gone1 text, b text, gone2 jsonb, c numeric);
insert into shrunk select g, repeat('g', 40), md5(g::text), to_jsonb(g), g * 1.5 from generate_series(1, 80000) g;
alter table shrunk drop column gone1;
alter table shrunk drop column gone2;
create index shrunk_b on shrunk using hash (b);
create index shrunk_a on shrunk (a);

create table places (id int primary key, at point, during tstzrange, label text);
insert into places select g, point(g % 1000, hashint4(g) % 1000), tstzrange(now() + g * interval '1 hour', now() + (g + 5) * interval '1 hour'), 'place ' || g
  from generate_series(1, 50000) g;
create index places_at on places using gist (at);
create index places_during on places using gist (during);

create table wide_numbers as
select g as id, g::float8 as a, (g % 100)::int2 as b, now() as c, g % 2 = 0 as d, null::int8 as e, g::numeric(20, 4) as f
  from generate_series(1, 90000) g;
create index wide_numbers_b on wide_numbers (b);
create index wide_numbers_pair on wide_numbers (b, d);
create unique index wide_numbers_id on wide_numbers (id);
update wide_numbers set a = a + 1;
update wide_numbers set a = a + 1 where id % 2 = 0;

create materialized view per_device as select device, kind, count(*) as many, max(value) as most from events group by 1, 2;

vacuum;

analyze;
