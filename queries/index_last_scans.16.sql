-- Last scan of each index; indexes without a scan since the last reset are missing.
select i.indexrelid::int8 as oid, pg_stat_get_lastscan(i.indexrelid) as last_idx_scan
  from pg_catalog.pg_index i
 where pg_stat_get_lastscan(i.indexrelid) is not null
