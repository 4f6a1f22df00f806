-- Server processes of this role, which may still execute a statement of an earlier run.
select to_jsonb(r) from (
  select a.pid, a.backend_start, a.state
    from pg_catalog.pg_stat_activity a
   where a.usename = session_user and a.pid <> pg_backend_pid()
   order by a.pid
) r
