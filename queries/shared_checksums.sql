-- Checksum failures in the shared catalogs.
select to_jsonb(r) from (
  select s.checksum_failures, s.checksum_last_failure
    from pg_catalog.pg_stat_database s
   where s.datid = 0
) r
