-- When each index was last scanned; indexes never scanned since the statistics began are missing.
select c.oid::int8 as oid, pg_stat_get_lastscan(c.oid) as last_idx_scan
  from pg_catalog.pg_class c
 where c.relkind = 'i' and pg_stat_get_lastscan(c.oid) is not null
