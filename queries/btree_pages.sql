-- Page statistics of the given B-trees, from full scans. Relations with a held or awaited ACCESS EXCLUSIVE lock are
-- left out. The extension may be in any schema, so the query is built from catalog names. Only members of the extension
-- are called, and only if no role but a superuser (or the owner of the extension, in a session of a non-superuser)
-- could replace them (foreign_object).
-- needs: pg_stat_scan_tables
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
), session as materialized (
  select bool_or(a.rolsuper) as is_superuser from pg_catalog.pg_roles a where a.rolname in (current_user, session_user)
), extension as materialized (
  select e.oid, e.extversion, e.extowner, e.extnamespace
    from pg_catalog.pg_extension e
   where e.extname = 'pgstattuple'
), member as materialized (
  select d.objid as oid, coalesce(c.relnamespace, p.pronamespace) as namespace, p.proargtypes,
         coalesce(c.relname, p.proname) as name, coalesce(c.relowner, p.proowner) as owner,
         case when p.prokind = 'f' then 'FUNCTION' when p.oid is not null then 'ROUTINE'
              when c.relkind = 'v' then 'VIEW' else 'TABLE' end as kind
    from extension e
    join pg_catalog.pg_depend d
      on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
    left join pg_catalog.pg_class c on d.classid = 'pg_catalog.pg_class'::regclass and c.oid = d.objid
    left join pg_catalog.pg_proc p on d.classid = 'pg_catalog.pg_proc'::regclass and p.oid = d.objid
   where c.oid is not null or p.oid is not null
), trusted as materialized (
  select a.oid from pg_catalog.pg_roles a cross join session s cross join extension e
   where a.rolsuper or not s.is_superuser and (a.oid = e.extowner or a.rolname in (current_user, session_user))
), foreign_object as materialized (
  select f.kind, f.name, a.rolname as owner
    from (select 'SCHEMA' as kind, quote_ident(n.nspname) as name,
                 case o.rolname when 'pg_database_owner' then d.datdba else n.nspowner end as owner,
                 not s.is_superuser and (n.nspowner = d.datdba or o.rolname = 'pg_database_owner') as is_tolerated
            from pg_catalog.pg_namespace n
            join pg_catalog.pg_roles o on o.oid = n.nspowner
            join pg_catalog.pg_database d on d.datname = current_database()
           cross join session s
           where n.oid in (select e.extnamespace from extension e union select m.namespace from member m)
          union all
          select m.kind, case when m.proargtypes is null then m.oid::regclass::text else m.oid::regprocedure::text end,
                 m.owner, false
            from member m) f
    join pg_catalog.pg_roles a on a.oid = f.owner
   where f.owner not in (select t.oid from trusted t) and not f.is_tolerated
   order by f.kind, f.name
   limit 1
), counter as materialized (
  select format('%I.%I', n.nspname, m.name) as name
    from member m
    join pg_catalog.pg_namespace n on n.oid = m.namespace
   where m.name = 'pgstatindex' and m.proargtypes[0] = 'pg_catalog.regclass'::regtype
     and not exists (select from foreign_object)
)
select a.oid,
       (select o.option_value::int4 from pg_options_to_table(c.reloptions) o where o.option_name = 'fillfactor')
                                                                                    as fillfactor,
       current_setting('block_size')::int8                                          as block_size,
       substring(r.found from '<index_size>(\d+)<')::int8                           as index_size,
       substring(r.found from '<internal_pages>(\d+)<')::int8                       as internal_pages,
       substring(r.found from '<leaf_pages>(\d+)<')::int8                           as leaf_pages,
       substring(r.found from '<avg_leaf_density>([0-9.]+)<')::float8               as avg_leaf_density
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_index i on i.indexrelid = a.oid::oid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
 cross join counter f
 cross join lateral (
       select query_to_xml(format('select index_size, internal_pages, leaf_pages, avg_leaf_density
                                     from %s(%s::oid::pg_catalog.regclass)', f.name, c.oid), false, false, '')::text
       offset 0
  ) r(found)
 where not exists (select from locked l where l.relation in (i.indexrelid, i.indrelid))
