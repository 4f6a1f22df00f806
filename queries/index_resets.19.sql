-- Last reset of the counters of each index; indexes without a reset since they were created, or since a crash, are missing.
select i.indexrelid::int8 as oid, pg_stat_get_stat_reset_time(i.indexrelid) as stats_reset
  from pg_catalog.pg_index i
 where pg_stat_get_stat_reset_time(i.indexrelid) is not null
