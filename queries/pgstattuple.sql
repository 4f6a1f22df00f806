-- Whether the extension pgstattuple is installed in this database, and whether the role may run its functions.
select (to_jsonb(f) || jsonb_build_object('is_installed', exists (
         select from pg_catalog.pg_extension x where x.extname = 'pgstattuple')))
  from (select bool_or(p.proname = 'pgstattuple' and has_function_privilege(p.oid, 'EXECUTE')) as reads_tables,
               bool_or(p.proname = 'pgstatindex' and has_function_privilege(p.oid, 'EXECUTE')) as reads_indexes
          from pg_catalog.pg_extension e
          join pg_catalog.pg_depend d
            on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
           and d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'e'
          join pg_catalog.pg_proc p on p.oid = d.objid and p.proargtypes[0] = 'pg_catalog.regclass'::regtype
         where e.extname = 'pgstattuple') f
