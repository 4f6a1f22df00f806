-- Whether the store's schema and migration table exist, and the first object through which a role other than the connecting
-- role or a superuser could have its own code executed by those who use the store. Every comparison is of equal types: an
-- operator of the schema itself could fit other types better than one of pg_catalog.
with schema as materialized (
  select n.oid, n.nspowner from pg_catalog.pg_namespace n where n.nspname = 'pgtend'
), trusted as materialized (
  -- The connecting role by its name: that it is a superuser makes no other owner trusted.
  select a.oid from pg_catalog.pg_roles a where a.rolsuper or a.rolname = current_user
), relation as materialized (
  select c.oid, c.relkind, c.relowner, pg_catalog.format('%I.%I', 'pgtend', c.relname) as name, c.relname
    from pg_catalog.pg_class c join schema s on c.relnamespace = s.oid
   where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
), function as (
  select p.oid, p.pronamespace, p.proowner,
         pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as name
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
), attached as (
  select 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid as classid, t.oid, t.tgrelid as relation,
         pg_catalog.format('trigger %I', t.tgname) as name,
         pg_catalog.format('DROP TRIGGER %I ON ', t.tgname) as remedy
    from pg_catalog.pg_trigger t where not t.tgisinternal
  union all
  select 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid, d.oid, d.adrelid, 'column default', null from pg_catalog.pg_attrdef d
  union all
  select 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, k.oid, k.conrelid, 'constraint', null
    from pg_catalog.pg_constraint k
  union all
  select 'pg_catalog.pg_policy'::pg_catalog.regclass::pg_catalog.oid, p.oid, p.polrelid, 'row-level security policy', null
    from pg_catalog.pg_policy p
  union all
  select 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid, r.oid, r.ev_class, 'rule or view', null from pg_catalog.pg_rewrite r
  union all
  select 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, i.indexrelid, i.indrelid, 'index', null from pg_catalog.pg_index i
), object as (
  select 1 as priority, 'schema pgtend' as name, s.nspowner as owner, 'ALTER SCHEMA pgtend OWNER TO ' as remedy,
         true as takes_owner
    from schema s
  union all
  -- Tables first: with a table's owner its sequences change theirs.
  select case k.kind when 'table' then 2 when 'sequence' then 7 else 3 end,
         pg_catalog.format('%s %s', k.kind, r.name), r.relowner,
         case when k.kind in ('view', 'materialized view', 'foreign table')
              then pg_catalog.format('DROP %s %s', pg_catalog.upper(k.kind), r.name)
              else pg_catalog.format('ALTER TABLE %s OWNER TO ', r.name) end,
         k.kind in ('table', 'sequence')
    from relation r
   cross join lateral (
         select case r.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
                               when 'S' then 'sequence' else 'table' end as kind) k
  union all
  select 3, pg_catalog.format('function %s', f.name), f.proowner, pg_catalog.format('DROP ROUTINE %s', f.name), false
    from function f join schema s on f.pronamespace = s.oid
  union all
  select 4, pg_catalog.format('operator %s', n.name), o.oprowner, pg_catalog.format('DROP OPERATOR %s', n.name), false
    from pg_catalog.pg_operator o
    join schema s on o.oprnamespace = s.oid
   cross join lateral (
         select pg_catalog.format('pgtend.%s (%s, %s)', o.oprname,
                  case when o.oprleft = 0::pg_catalog.oid then 'NONE' else pg_catalog.format_type(o.oprleft, null) end,
                  case when o.oprright = 0::pg_catalog.oid then 'NONE' else pg_catalog.format_type(o.oprright, null) end)
                as name) n
  union all
  select 5, pg_catalog.format('type pgtend.%I', t.typname), t.typowner,
         pg_catalog.format('DROP TYPE pgtend.%I', t.typname), false
    from pg_catalog.pg_type t join schema s on t.typnamespace = s.oid
   where not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)
  union all
  select 6, pg_catalog.format('%s on %s calls function %s, which', a.name, r.name, f.name), f.proowner,
         case when a.remedy is null then pg_catalog.format('ALTER ROUTINE %s OWNER TO ', f.name)
              else a.remedy || r.name end,
         a.remedy is null
    from relation r
    join attached a on a.relation = r.oid
    join pg_catalog.pg_depend d on d.classid = a.classid and d.objid = a.oid
                               and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
    join function f on f.oid = d.refobjid
), foreign_object as (
  select o.name, pg_catalog.quote_ident(a.rolname) as owner,
         o.remedy || case when o.takes_owner then pg_catalog.quote_ident(current_user) else '' end as remedy
    from object o join pg_catalog.pg_roles a on a.oid = o.owner
   where o.owner not in (select t.oid from trusted t)
   order by o.priority, o.name
   limit 1
)
select (select pg_catalog.count(*) from schema)                                                    as schemas,
       (select pg_catalog.count(*) from relation r where r.relname = '_sqlx_migrations' and r.relkind = 'r') as tables,
       (select f.name from foreign_object f)                                                       as name,
       (select f.owner from foreign_object f)                                                      as owner,
       (select f.remedy from foreign_object f)                                                     as remedy
