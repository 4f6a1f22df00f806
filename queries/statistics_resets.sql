-- Resets of the cumulative statistics of this database. A crash discards them, sets stats_reset of the database to null
-- and stats_reset of all shared statistics to the same time. A manual reset sets only one of them, so the earliest is
-- used.
select to_jsonb(r) from (
  select (select s.stats_reset from pg_catalog.pg_stat_database s where s.datname = current_database()) as database_reset,
         least((select min(s.stats_reset) from pg_catalog.pg_stat_bgwriter s),
               (select min(s.stats_reset) from pg_catalog.pg_stat_archiver s),
               (select min(s.stats_reset) from pg_catalog.pg_stat_slru s))                             as shared_reset,
         current_setting('track_counts')::bool                                                         as track_counts
) r
