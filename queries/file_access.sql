-- Whether the role may ask for the size of a file: superusers may, and whom they granted it to.
select to_jsonb(r) from (
  select has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'execute') as may_stat_files
) r
