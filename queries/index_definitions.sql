-- Definitions of the given indexes. Indexes of relations with a held or awaited ACCESS EXCLUSIVE lock are left out.
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
)
select a.oid, pg_get_indexdef(i.indexrelid) as definition
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_index i on i.indexrelid = a.oid::oid
 where not exists (select from locked l where l.relation in (i.indexrelid, i.indrelid))
