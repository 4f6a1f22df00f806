-- DDL of the given indexes and of those attached to them at any depth. Indexes of relations with a held or awaited
-- ACCESS EXCLUSIVE lock are left out.
with recursive locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
), family as (
  select a.oid::oid as oid, null::oid as parent, 0 as depth
    from unnest($1::int8[]) a(oid)
  union all
  select h.inhrelid, h.inhparent, f.depth + 1
    from family f
    join pg_catalog.pg_inherits h on h.inhparent = f.oid
)
select c.oid::int8                                                   as oid,
       f.parent::int8                                                as parent_oid,
       n.nspname                                                     as schema,
       c.relname                                                     as index,
       t.relname                                                     as "table",
       c.relkind = 'I'                                               as is_partitioned,
       i.indexprs is not null                                        as is_expression,
       i.indisvalid                                                  as is_valid,
       i.indisclustered                                              as is_clustered,
       i.indisreplident                                              as is_replica_identity,
       pg_get_indexdef(i.indexrelid)                                 as definition,
       pg_get_expr(i.indpred, i.indrelid)                            as predicate,
       -- default_tablespace of a session may differ from the tablespace of the database.
       case when c.reltablespace <> 0 or current_setting('default_tablespace') <> ''
            then (select s.spcname from pg_catalog.pg_tablespace s
                   where s.oid = case c.reltablespace
                                 when 0 then (select d.dattablespace from pg_catalog.pg_database d
                                               where d.datname = current_database())
                                 else c.reltablespace end)
       end                                                           as tablespace,
       obj_description(c.oid, 'pg_class')                            as comment,
       array(select k.attnum::int8 from pg_catalog.pg_attribute k
              where k.attrelid = c.oid and k.attnum > 0 and k.attstattarget >= 0
              order by k.attnum)                                     as statistics_columns,
       array(select k.attstattarget::int8 from pg_catalog.pg_attribute k
              where k.attrelid = c.oid and k.attnum > 0 and k.attstattarget >= 0
              order by k.attnum)                                     as statistics_targets,
       array(select e.extname::text
               from pg_catalog.pg_depend d
               join pg_catalog.pg_extension e on e.oid = d.refobjid
              where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid
                and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'x'
              order by e.extname)                                    as extensions,
       (select o.conname from pg_catalog.pg_constraint o
         where o.conindid = c.oid and o.contype in ('p', 'u', 'x') and o.conrelid = i.indrelid) as constraint_name
  from family f
  join pg_catalog.pg_index i on i.indexrelid = f.oid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_class t on t.oid = i.indrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where not exists (select from locked l where l.relation in (i.indexrelid, i.indrelid))
 order by f.depth, n.nspname, c.relname
