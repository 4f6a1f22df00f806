-- When each index was last scanned; indexes never scanned since the statistics began are missing.
select i.indexrelid::int8 as oid, pg_stat_get_lastscan(i.indexrelid) as last_idx_scan
  from pg_catalog.pg_index i
 where pg_stat_get_lastscan(i.indexrelid) is not null
