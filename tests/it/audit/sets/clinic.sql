-- A clinic: written when the model was done, and never used to change it.
create table patients (id int generated always as identity primary key, insurance text unique, born date, family text, given text,
                       blood char(2), weight real, allergies text[], history jsonb, updated timestamptz);
insert into patients (insurance, born, family, given, blood, weight, allergies, history, updated)
select chr(65 + g % 26) || lpad((g * 6007 % 900000000)::text, 9, '0'), date '1930-01-01' + hashint4(g) % 15000 + 15000,
       (array['Meyer','Schulz','Novak','Rossi','Dubois','Jansen'])[1 + g % 6] || case when g % 4 = 0 then '-' || g % 300 else '' end,
       'given' || g % 700, (array['0','A','B','AB'])[1 + g % 4], 50 + g % 60,
       case when g % 5 = 0 then array['pollen', 'nuts', 'x' || g % 40] end,
       jsonb_build_object('visits', g % 30, 'notes', repeat('n' || g % 10, g % 90)), now()
  from generate_series(1, 70000) g;
create index patients_name on patients (family, given, born);
create index patients_born on patients (born);
create index patients_allergies on patients using gin (allergies);
update patients set weight = weight + 1, updated = now() where id % 3 = 0;
update patients set weight = weight + 1, updated = now() where id % 3 = 0;
update patients set history = history || '{"archived": true}' where id % 8 = 1;

create table visits (patient int not null, no smallint not null, at timestamptz, doctor int, code varchar(7), fee money,
                     primary key (patient, no));
create index visits_doctor on visits (doctor, at desc);
create index visits_code on visits (code) with (fillfactor = 80);
create index visits_week on visits ((extract(week from at at time zone 'UTC')), doctor);
insert into visits
select 1 + g / 4, g % 4, timestamptz '2023-01-01' + hashint4(g) % 900 * interval '1 day' + g % 1440 * interval '1 minute',
       (random() ^ 2 * 80)::int, 'C' || (g * 31 % 97) || '.' || g % 3, (g % 300)::numeric::money
  from generate_series(1, 280000) g order by random();
delete from visits where no = 3;
delete from visits where patient between 20000 and 45000;

create table scans (id uuid primary key, patient int, taken timestamp, preview bytea, report text);
alter table scans alter preview set storage external;
insert into scans
select md5('s' || g)::uuid, g % 70000, timestamp '2024-01-01' + g * interval '11 minutes',
       decode(repeat(md5(g::text), 40 + g * 7 % 400), 'hex'), 'report ' || g || repeat(' finding', g % 120)
  from generate_series(1, 9000) g;
create index scans_taken on scans (taken) include (patient);
delete from scans where taken < '2024-02-01';
update scans set report = report || ' seen' where patient % 2 = 0;

create table vitals (device smallint, at int, pulse smallint, oxygen smallint, temperature numeric(4, 1)) with (fillfactor = 60);
insert into vitals select g % 12, g / 12, 50 + g % 70, 90 + g % 10, 36 + (g % 40) / 10.0 from generate_series(1, 200000) g;
create index vitals_hash on vitals using hash (at);
create index vitals_device on vitals (device, pulse);
create index vitals_high on vitals (at, device) where pulse > 110;
delete from vitals where at % 2 = 0;

create table letters (id bigserial primary key, patient int, body text, search tsvector);
insert into letters (patient, body, search)
select g % 70000, repeat('Dear colleague ' || g || ', ', 3 + g % 25), to_tsvector('simple', 'dear colleague p' || g % 400 || ' q' || g % 60)
  from generate_series(1, 24000) g;
create index letters_search on letters using gin (search);
create index letters_patient on letters (patient);
delete from letters where id % 2 = 0;

create materialized view busy as select doctor, date_trunc('day', at) as day, count(*) from visits group by 1, 2;
create index busy_day on busy (day);

vacuum;

analyze;
