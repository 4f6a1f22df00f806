-- Indexes that are built or grown in different ways; keys that share a tuple, and keys that may not.
create table t (
  id int, low int, mid int, wide_mid text, nul int, num numeric, txt text, hash text, u uuid, ts timestamptz,
  flo float8, js jsonb, big int8, skewed int, short text
);
insert into t
select g, g % 50, g / 20, 'customer number ' || g % 20000, case when g % 10 = 0 then g end, (g % 100)::numeric,
       'user' || hashint4(g) % 100000 || '@example.org', md5(g::text), md5(g::text)::uuid,
       timestamptz '2026-01-01' + g / 3 * interval '1 second', g % 100, to_jsonb(g % 100), hashint8(g)::int8 * 3,
       (10 ^ (abs(hashint4(g)) % 50000 / 10000.0))::int, chr(97 + g % 26)
  from generate_series(1, 200000) g;
create index built_unique_values on t (id);
create unique index built_unique on t (big, id);
drop index built_unique;
create unique index built_unique on t (id);
create index built_few_values on t (low);
create index built_twenty_rows_each on t (mid);
create index built_text_ten_rows_each on t (wide_mid);
create index built_mostly_null on t (nul);
create index built_not_null_only on t (nul) where nul is not null;
create index built_numeric on t (num);
create index built_float on t (flo);
create index built_jsonb on t (js);
create index built_email on t (txt);
create index built_md5 on t (hash);
create index built_uuid on t (u);
create index built_timestamp_three_rows_each on t (ts);
create index built_skewed on t (skewed);
create index built_one_letter on t (short);
create index built_fillfactor_50 on t (low) with (fillfactor = 50);
create index built_not_deduplicated on t (low) with (deduplicate_items = off);
create index built_expression on t (lower(txt));
create index built_partial on t (id) where low < 5;
create index of_hash on t using hash (id);
create index several_few_and_unique on t (low, id);
create index several_two_few on t (low, short);
create index several_two_few_texts on t (short, low, num);
create index several_with_nulls on t (nul, low);
create index several_included on t (low) include (mid);
create index several_text_and_number on t (txt, low);
create index several_expression on t (lower(txt), low);
create unique index several_unique on t (low, id, mid);
create index dependent_built on t (low, num);
create index several_partial on t (low, mid) where low < 25;

create table grown (id int, u uuid, low int, txt text);
create index grown_ascending on grown (id);
create index grown_random on grown (u);
create index several_grown on grown (low, u);
create index grown_few_values on grown (low);
create index grown_text on grown (txt);
do $$ begin
  for batch in 0..19 loop
    insert into grown select g, md5(g::text)::uuid, g % 50, 'name ' || hashint4(g) % 5000
      from generate_series(batch * 10000 + 1, batch * 10000 + 10000) g;
  end loop;
end $$;

create table deleted (id int, low int, txt text);
insert into deleted select g, g % 50, 'v' || g % 1000 from generate_series(1, 200000) g;
create index deleted_most_id on deleted (id);
create index deleted_most_low on deleted (low);
create index several_deleted on deleted (low, id);
create index dependent_deleted on deleted (low, txt);
create index deleted_most_txt on deleted (txt);
delete from deleted where id <= 140000;
vacuum deleted;

create table churned (id int, at int8);
create index churned_queue on churned (at);
do $$ begin
  for batch in 0..9 loop
    insert into churned select g, batch * 10000 + g from generate_series(1, 10000) g;
    delete from churned where at < batch * 10000 - 10000;
  end loop;
end $$;

vacuum churned;

analyze;
