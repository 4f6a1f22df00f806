-- A ledger: skewed keys, columns that depend on each other or form a grid, compressed documents, an unlogged table, many
-- small tables, holes of every kind. Written after the model; it showed that grids of keys were taken for chance.
create table accounts (code text primary key, holder varchar(60), zip char(5), town text, opened date, balance numeric(14, 2),
                       closed timestamptz, flags smallint[]);
insert into accounts
select 'DE' || lpad((g * 7919 % 1000000)::text, 10, '0'), initcap(substr(md5(g::text), 1, 4 + g % 20)),
       lpad((g % 900)::text, 5, '0'), 'Town of ' || g % 900, date '2010-01-01' + g % 5000, g * 13.37 - 40000,
       case when g % 11 = 0 then now() end, array[g % 3, g % 5]::smallint[]
  from generate_series(1, 45000) g;
create index accounts_place on accounts (zip, town);
create index accounts_holder on accounts (holder varchar_pattern_ops);
create unique index accounts_number on accounts ((substr(code, 3)::bigint));
create index accounts_closed on accounts (closed);

create table postings (id bigserial, account text not null, booked timestamp not null, amount numeric, currency char(3),
                       reference uuid, remark text, storno bool, primary key (id));
create index postings_account on postings (account, booked desc);
create index postings_currency on postings (currency);
create index postings_reference on postings (reference) where reference is not null;
create index postings_month on postings (date_trunc('month', booked));
insert into postings (account, booked, amount, currency, reference, remark, storno)
select 'DE' || lpad(((1 + (power(random(), 3) * 44999)::int) * 7919 % 1000000)::text, 10, '0'),
       timestamp '2024-03-01' + g * interval '97 seconds', round((random() * 10000)::numeric, 2),
       (array['EUR','EUR','EUR','EUR','USD','CHF'])[1 + g % 6], case when g % 3 = 0 then md5(g::text)::uuid end,
       case g % 5 when 0 then null when 1 then 'fee' else 'invoice no. ' || g || repeat(' ref', g % 6) end, false
  from generate_series(1, 220000) g;
delete from postings where booked < '2024-05-01' and id % 7 <> 0;
update postings set storno = true, remark = 'storno ' || coalesce(remark, '') where id % 5 = 0;
update postings set amount = amount + 1 where currency = 'USD';

create table statements (id int, account text, page int, content text, layout jsonb, primary key (id, page)) with (fillfactor = 92);
insert into statements
select g / 2, 'DE' || g % 45000, g % 2,
       (select string_agg('line ' || g || ' ' || md5((g + i)::text) || ' carried over', E'\n') from generate_series(1, 5 + g % 160) i),
       jsonb_build_object('font', 'f' || g % 4, 'rows', (select jsonb_agg(i * g) from generate_series(1, g % 60) i))
  from generate_series(1, 9000) g;
create index statements_layout on statements using gin (layout jsonb_path_ops);
create index statements_account on statements using hash (account);
update statements set content = content || ' end' where id % 4 = 0;
delete from statements where id between 500 and 2200;

create unlogged table work_queue as select g as id, now() as due, md5(g::text) as task from generate_series(1, 30000) g;
create index work_queue_due on work_queue (due, id);
delete from work_queue where id % 6 <> 0;

do $$ begin
  for number in 1..40 loop
    execute format('create table rates_%s (day date primary key, rate float8, source text)', number);
    execute format('insert into rates_%s select date ''2020-01-01'' + g, random(), ''bank %s'' from generate_series(1, 400 + 30 * %s) g', number, number, number);
  end loop;
end $$;

create table measures (sensor int, at timestamp, a real, b real, c real, d real, e real);
insert into measures select g % 37, timestamp '2026-01-01' + g / 37 * interval '1 minute', g, null, g % 3, random(), null from generate_series(1, 160000) g;
create index measures_at on measures using brin (at) with (pages_per_range = 16);
create index measures_of_sensor on measures (sensor, at);
delete from measures where at > '2026-01-02' and sensor < 20;

vacuum;

analyze;
