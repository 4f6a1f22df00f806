-- Statements with the most WAL, if pg_stat_statements is installed. Only members of the extension are read, and only if
-- no role but a superuser (or the owner of the extension, in a session of a non-superuser) could replace them
-- (foreign_object). The extension may be in any schema, so the query is built from catalog names. Of a statement, only
-- the text before its first literal is read, without comments.
select to_jsonb(r) from (
  with session as materialized (
    select bool_or(a.rolsuper) as is_superuser from pg_catalog.pg_roles a where a.rolname in (current_user, session_user)
  ), extension as materialized (
    select e.oid, e.extversion, e.extowner, e.extnamespace
      from pg_catalog.pg_extension e
     where e.extname = 'pg_stat_statements'
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
  select current_setting('pg_stat_statements.max', true) is not null as is_loaded,
         x.oid is not null                                           as is_installed,
         x.extversion                                                as extension_version,
         pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')     as sees_all,
         (select to_jsonb(o) || jsonb_build_object('extension', 'pg_stat_statements', 'superuser', (
                   select quote_ident(a.rolname) from pg_catalog.pg_roles a where a.oid = 10)) from foreign_object o)
                                                                     as foreign_object,
         (select jsonb_build_object('name', format('%I.%I', n.nspname, c.relname), 'owner', a.rolname)
            from pg_catalog.pg_class c
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            join pg_catalog.pg_roles a on a.oid = c.relowner
           where c.relnamespace = x.extnamespace and c.relname = 'pg_stat_statements_info'
             and not exists (select from member m where m.oid = c.oid and m.proargtypes is null))
                                                                     as look_alike,
         replace(replace(replace(substring(f.found from '<j>(.*)</j>'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')::jsonb
                                                                     as found
    from (select 1) one
    left join extension x on true
    left join lateral (
         select n.nspname, m.name from member m join pg_catalog.pg_namespace n on n.oid = m.namespace
          where m.kind = 'VIEW' and m.name = 'pg_stat_statements') v on true
    left join lateral (
         select n.nspname, m.name from member m join pg_catalog.pg_namespace n on n.oid = m.namespace
          where m.kind = 'VIEW' and m.name = 'pg_stat_statements_info') i on true
    left join lateral (
         select case when v.name is not null and not exists (select from foreign_object) then
                query_to_xml(format($text$
           with row as materialized (
             select s.userid, s.dbid, s.queryid, s.calls, s.query,
                    (to_jsonb(s) ->> 'wal_bytes')::numeric::int8         as wal_bytes,
                    (to_jsonb(s) ->> 'wal_fpi')::int8                    as wal_fpi,
                    coalesce((to_jsonb(s) ->> 'toplevel')::bool, true)   as is_top
               from %I.%I s),
           most as (select * from row where wal_bytes > 0 order by wal_bytes desc, queryid limit 10),
           uncommented as (
             select most.*,
                    regexp_replace(regexp_replace(regexp_replace(regexp_replace(most.query, '--[^\n]*', ' ', 'g'),
                      '/\*((?!/\*|\*/).)*\*/', ' ', 'g'), '/\*((?!/\*|\*/).)*\*/', ' ', 'g'),
                      '/\*((?!/\*|\*/).)*\*/', ' ', 'g') as text
               from most)
           select jsonb_build_object(
                    'wal_bytes', (select sum(row.wal_bytes) filter (where row.is_top) from row),
                    'since', (%s),
                    'statements', (select coalesce(jsonb_agg(jsonb_build_object(
                        'queryid', u.queryid::text,
                        'database', (select d.datname from pg_catalog.pg_database d where d.oid = u.dbid),
                        'role', (select a.rolname from pg_catalog.pg_roles a where a.oid = u.userid),
                        'calls', u.calls, 'wal_bytes', u.wal_bytes, 'wal_fpi', u.wal_fpi,
                        'query', case when u.queryid is not null and u.text !~ '/\*|\*/'
                                      then nullif(btrim(left(regexp_replace(
                                             regexp_replace(u.text, '(''|\$|\m[0-9]).*$', ''), '\s+', ' ', 'g'), 80)), '') end)
                        order by u.wal_bytes desc, u.queryid), '[]') from uncommented u))::text as j
           $text$, v.nspname, v.name,
           case when i.name is not null then format('select i.stats_reset from %I.%I i', i.nspname, i.name)
                else 'null' end), false, true, '')::text end
         offset 0) f(found) on true
) r
