-- WAL written by this server since the last reset.
select to_jsonb(r) from (
  select s.wal_records, s.wal_fpi, s.wal_fpi_bytes, s.wal_bytes, s.stats_reset, clock_timestamp() as requested_at
    from pg_catalog.pg_stat_wal s
) r
