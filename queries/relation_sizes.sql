-- Exact bytes of all forks of the given relations; an index has no visibility map. Relations with a held or awaited
-- ACCESS EXCLUSIVE lock, and dropped ones, are left out.
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
)
select a.oid,
       pg_relation_size(c.oid, 'main') + pg_relation_size(c.oid, 'fsm')
       + case when c.relkind = 'i' then 0 else pg_relation_size(c.oid, 'vm') end
       + case when c.relpersistence = 'u' then pg_relation_size(c.oid, 'init') else 0 end as bytes
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_class c on c.oid = a.oid::oid
 where not exists (select from locked l where l.relation = c.oid)
