-- Settings, roles and functions that identify managed PostgreSQL services.
select to_jsonb(r) from (
  select exists (select from pg_catalog.pg_proc where proname = 'aurora_version')                    as aurora_function,
         version() ilike '%aurora%'                                                                  as aurora_version,
         array(select distinct split_part(s.name, '.', 1) from pg_catalog.pg_settings s
                where split_part(s.name, '.', 1) in ('rds', 'alloydb', 'cloudsql', 'azure', 'neon')
                order by 1)                                                                          as setting_prefixes,
         array(select p.rolname from pg_catalog.pg_roles p
                where p.rolname in ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin', 'neon_superuser',
                                    'supabase_admin', 'alloydbsuperuser')
                order by 1)                                                                          as roles
) r
