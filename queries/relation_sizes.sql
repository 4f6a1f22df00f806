-- Exact bytes of the given relations, all forks. Those under, or awaited by, an ACCESS EXCLUSIVE lock are left out,
-- as are those dropped meanwhile.
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
)
select a.oid,
       case when c.relkind in ('r', 'm')
            then pg_relation_size(c.oid, 'main') + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm')
               + case when c.relpersistence = 'u' then pg_relation_size(c.oid, 'init') else 0 end
            else pg_table_size(c.oid) end as bytes
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_class c on c.oid = a.oid::oid
 where not exists (select from locked l where l.relation = c.oid)
