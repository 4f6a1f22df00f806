-- The archiver's own account of what it archived and what failed.
select to_jsonb(s) from pg_catalog.pg_stat_archiver s
