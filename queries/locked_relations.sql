-- Relations with a held or awaited ACCESS EXCLUSIVE lock: a size function would wait for it.
select l.relation::int8 as oid, bool_or(l.granted) as granted
  from pg_catalog.pg_locks l
 where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
   and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
 group by l.relation
 order by l.relation
