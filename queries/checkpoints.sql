-- Timed and requested checkpoints since the last reset.
select to_jsonb(r) from (
  select s.checkpoints_timed as timed, s.checkpoints_req as requested, s.stats_reset, clock_timestamp() as requested_at
    from pg_catalog.pg_stat_bgwriter s
) r
