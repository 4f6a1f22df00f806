-- Replication origins of subscriptions that no longer exist.
select to_jsonb(r) from (
  select o.roname as origin_name
    from pg_catalog.pg_replication_origin o
   where o.roname ~ '^pg_[0-9]+(_[0-9]+)?$'
     and not exists (select from pg_catalog.pg_stat_subscription s where s.subid::text = split_part(o.roname, '_', 2))
   order by o.roname
   limit 100
) r
