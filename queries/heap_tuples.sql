-- Live rows of the given tables, which are read whole for it. Those under, or awaited by, an ACCESS EXCLUSIVE lock are left
-- out. The extension may lie in any schema, hence the text that becomes a query.
-- needs: pg_stat_scan_tables
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
), counter as materialized (
  select format('%I.%I', n.nspname, p.proname) as name
    from pg_catalog.pg_extension e
    join pg_catalog.pg_depend d
      on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
     and d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'e'
    join pg_catalog.pg_proc p on p.oid = d.objid and p.proargtypes[0] = 'pg_catalog.regclass'::regtype
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
   where e.extname = 'pgstattuple' and p.proname = 'pgstattuple'
)
select a.oid,
       (select o.option_value::int4 from pg_options_to_table(c.reloptions) o where o.option_name = 'fillfactor')
                                                                                    as fillfactor,
       current_setting('block_size')::int8                                          as block_size,
       substring(r.found from '<table_len>(\d+)<')::int8                            as table_len,
       substring(r.found from '<tuple_count>(\d+)<')::int8                          as tuple_count,
       substring(r.found from '<tuple_len>(\d+)<')::int8                            as tuple_len
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_class c on c.oid = a.oid::oid
 cross join counter f
 cross join lateral (
       select query_to_xml(format('select table_len, tuple_count, tuple_len from %s(%s::oid::pg_catalog.regclass)',
                                  f.name, c.oid), false, false, '')::text
       offset 0
  ) r(found)
 where not exists (select from locked l where l.relation = c.oid)
