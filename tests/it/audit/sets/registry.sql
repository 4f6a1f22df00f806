-- A registry of parcels and their papers: written blind when the model was done, its first result told before anything was
-- changed.
create table parcels (
  id bigint generated always as identity primary key, country char(2), city text, street text, number int,
  a1 int, a2 int, a3 int, a4 int, a5 bigint, a6 bigint, a7 smallint, a8 smallint, a9 boolean, a10 boolean,
  b1 text, b2 text, b3 text, b4 text, b5 varchar(20), b6 varchar(20), b7 text, b8 text,
  c1 numeric, c2 numeric(12, 4), c3 numeric, c4 double precision, c5 double precision, c6 real,
  d1 date, d2 date, d3 timestamptz, d4 timestamptz, d5 timestamp, d6 interval, d7 time,
  e1 uuid, e2 inet, e3 point, e4 int4range, e5 jsonb);
insert into parcels (country, city, street, number, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, b1, b2, b3, b4, b5, b6, b7, b8,
                     c1, c2, c3, c4, c5, c6, d1, d2, d3, d4, d5, d6, d7, e1, e2, e3, e4, e5)
select (array['de','fr','it','es','pl','nl','at'])[1 + (random() * random() * 7)::int % 7],
       'City of ' || substr('Abcdefghijklmnopqrst', 1, 3 + g % 14) || g % 211, 'Street ' || md5((g % 4000)::text), g % 180,
       case when g % 3 = 0 then g end, case when g % 7 = 0 then g % 10 end, case when random() < .5 then 1 end, g % 1000,
       case when random() < .1 then g end, g::bigint * 1000003, case when random() < .9 then g % 20 end, case when g % 2 = 0 then 1 end,
       g % 2 = 0, case when random() < .3 then true end,
       case when random() < .6 then 'note ' || repeat('x', g % 37) end, case when random() < .05 then repeat('long ', 30) end,
       case when g % 9 = 0 then md5(g::text) end, 'k' || g % 30, case when random() < .5 then 'v' || g % 777 end,
       case when g % 50 = 0 then 'rare' end, null, case when random() < .4 then 'free text ' || g end,
       case when random() < .7 then g / 7.0 end, (g % 100000) / 13.0, null, random(), case when random() < .2 then random() end, g,
       date '2000-01-01' + g % 8000, case when random() < .3 then date '2020-01-01' + g % 900 end,
       timestamptz '2021-01-01' + g * interval '3 minutes', case when random() < .25 then now() end, null,
       case when random() < .1 then g * interval '1 second' end, case when g % 4 = 0 then time '08:00' + g % 600 * interval '1 minute' end,
       case when random() < .5 then md5(g::text)::uuid end, case when random() < .5 then ('10.' || g % 250 || '.' || g % 200 || '.7')::inet end,
       case when random() < .2 then point(random(), random()) end, case when random() < .3 then int4range(g % 1000, g % 1000 + 5) end,
       case when random() < .15 then jsonb_build_object('k', g % 100, 'w', md5(g::text)) end
  from generate_series(1, 90000) g;
create index parcels_place on parcels (country, city, street);
create index parcels_street on parcels (street, number) include (a4);
create index parcels_rare on parcels (b6) where b6 is not null;
create index parcels_lower on parcels (lower(city)) where country = 'de';
create index parcels_d3 on parcels using brin (d3);
create index parcels_uuid on parcels using hash (e1);
create index parcels_c2 on parcels (c2 desc nulls last);
create index parcels_country on parcels (country);
update parcels set a4 = a4 + 1, d4 = now() where id % 5 = 0;
update parcels set b8 = 'changed ' || id where id % 4 = 1;
delete from parcels where id % 10 in (2, 3, 4, 7);

create table papers (id uuid primary key default gen_random_uuid(), parcel bigint not null, kind text, scanned bytea, summary jsonb,
                     tags text[], valid tstzrange, score int[]) with (fillfactor = 70);
alter table papers alter scanned set storage external;
insert into papers (id, parcel, kind, scanned, summary, tags, valid, score)
select md5('p' || g)::uuid, g * 7 % 90000, (array['deed','map','mortgage','court','photo'])[1 + g % 5],
       case when g % 3 > 0 then (select string_agg(decode(md5(g || '-' || n), 'hex'), '') from generate_series(1, 60 + g * 13 % 500) n) end,
       jsonb_build_object('kind', g % 5, 'pages', g % 90, 'clerk', 'c' || g % 45, 'words', (select jsonb_agg('w' || (g * n) % 900) from generate_series(1, 4 + g % 12) n)),
       array['t' || g % 60, 'u' || g % 7, 'v' || g % 1100],
       tstzrange(timestamptz '2015-01-01' + g * interval '50 minutes', timestamptz '2015-01-01' + g * interval '50 minutes' + (g % 400) * interval '1 day'),
       (select array_agg((g * n) % 250) from generate_series(1, g % 9) n)
  from generate_series(1, 14000) g;
create index papers_summary on papers using gin (summary jsonb_path_ops);
create index papers_tags on papers using gin (tags);
create index papers_valid on papers using gist (valid);
create index papers_parcel on papers (parcel) with (fillfactor = 70);
create index papers_clerk on papers ((summary ->> 'clerk'), kind);
update papers set summary = summary || '{"checked": true}' where parcel % 3 = 0;
update papers set tags = tags || array['late'] where parcel % 6 = 1;
delete from papers where kind = 'photo';
delete from papers where parcel between 30000 and 50000;

create table readings (meter int, at timestamptz, value double precision, state smallint) with (fillfactor = 85);
insert into readings select g % 400, timestamptz '2024-06-01' + g / 400 * interval '15 minutes', random() * 100, g % 3 from generate_series(1, 260000) g;
create index readings_at on readings using brin (at) with (pages_per_range = 32);
create index readings_meter on readings (meter, at);
create index readings_state on readings (state);
delete from readings where at < '2024-06-04' and meter % 3 > 0;

create table inbox (id bigserial primary key, key text unique, payload text, done boolean default false);
create index inbox_open on inbox (id) where not done;
create index inbox_payload on inbox (md5(payload));
insert into inbox (key, payload) select 'key-' || g, repeat(chr(97 + g % 26), 20 + g % 380) || md5(g::text) from generate_series(1, 60000) g;
update inbox set done = true where id % 20 > 0;
update inbox set payload = payload || '!' where id % 3 = 0;
delete from inbox where done and id % 4 > 0;

create table remarks (parcel bigint, body text);
alter table remarks alter body set storage main;
insert into remarks select g, (select string_agg(md5(g || 'r' || n), ' ') from generate_series(1, 1 + g * 11 % 140) n) from generate_series(1, 9000) g;
create index remarks_parcel on remarks (parcel);
delete from remarks where parcel % 3 = 0;

create materialized view streets as select country, city, street, count(*) as parcels, min(number) as first from parcels group by 1, 2, 3;
create unique index streets_key on streets (country, city, street);

vacuum;

analyze;
