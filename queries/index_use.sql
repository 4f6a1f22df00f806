-- Scans of all user indexes with at least one scan; read on standbys, whose OIDs equal the primary's.
select c.oid::int8 as oid, pg_stat_get_numscans(c.oid) as idx_scan
  from pg_catalog.pg_class c
 where c.relkind = 'i' and c.oid >= 16384 and pg_stat_get_numscans(c.oid) > 0
