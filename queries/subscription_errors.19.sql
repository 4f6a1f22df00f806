-- Errors of subscription workers since the last reset.
select to_jsonb(r) from (
  select e.subname, d.datname as database, e.apply_error_count,
         e.sync_table_error_count + e.sync_seq_error_count as sync_error_count, e.stats_reset
    from pg_catalog.pg_stat_subscription_stats e
    join pg_catalog.pg_subscription s on s.oid = e.subid
    join pg_catalog.pg_database d on d.oid = s.subdbid
   order by d.datname, e.subname
) r
