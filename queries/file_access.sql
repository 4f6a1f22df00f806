-- Whether the role may read file sizes with pg_stat_file: superusers, and roles with EXECUTE.
select to_jsonb(r) from (
  select has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'execute') as may_stat_files
) r
