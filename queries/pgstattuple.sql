-- Whether the extension pgstattuple is installed in this database, whether the role may call its functions, and the
-- first object of it that belongs to a role that could replace it (foreign_object).
with session as materialized (
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
)
select to_jsonb(r) from (
  select exists (select from extension)                                                 as is_installed,
         (select bool_or(has_function_privilege(m.oid, 'EXECUTE')) from member m
           where m.name = 'pgstattuple' and m.proargtypes[0] = 'pg_catalog.regclass'::regtype)  as reads_tables,
         (select bool_or(has_function_privilege(m.oid, 'EXECUTE')) from member m
           where m.name = 'pgstatindex' and m.proargtypes[0] = 'pg_catalog.regclass'::regtype)  as reads_indexes,
         (select to_jsonb(o) || jsonb_build_object('extension', 'pgstattuple', 'superuser', (
                   select quote_ident(a.rolname) from pg_catalog.pg_roles a where a.oid = 10)) from foreign_object o)
                                                                                        as foreign_object
) r
