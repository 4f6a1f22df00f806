-- The server process that serves this session, by which a later look knows whether it is still at work.
select to_jsonb(r) from (
  select a.pid, a.backend_start from pg_catalog.pg_stat_activity a where a.pid = pg_backend_pid()
) r
