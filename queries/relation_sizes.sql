-- Exact bytes of the given relations, all forks they can have: an index has no visibility map. Those under, or awaited
-- by, an ACCESS EXCLUSIVE lock are left out, as are those dropped meanwhile.
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
