-- Since when the cumulative statistics of this database count. A crash empties them, leaves the database's own
-- stats_reset null and stamps every shared kind at once; a reset by hand stamps only one: hence the earliest.
select to_jsonb(r) from (
  select (select s.stats_reset from pg_catalog.pg_stat_database s where s.datname = current_database()) as database_reset,
         least((select min(s.stats_reset) from pg_catalog.pg_stat_bgwriter s),
               (select min(s.stats_reset) from pg_catalog.pg_stat_archiver s),
               (select min(s.stats_reset) from pg_catalog.pg_stat_slru s))                             as shared_reset,
         current_setting('track_counts')::bool                                                         as track_counts
) r
