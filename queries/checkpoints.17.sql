-- Timed and requested checkpoints since the last reset.
select to_jsonb(r) from (
  select s.num_timed as timed, s.num_requested as requested, s.stats_reset, clock_timestamp() as requested_at
    from pg_catalog.pg_stat_checkpointer s
) r
