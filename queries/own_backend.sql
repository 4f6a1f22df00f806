-- Server process of this session. A later check uses it to determine whether it is still running.
select to_jsonb(r) from (
  select a.pid, a.backend_start from pg_catalog.pg_stat_activity a where a.pid = pg_backend_pid()
) r
