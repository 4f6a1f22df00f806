-- The server's own log files (log_directory), where the logging collector writes them.
-- needs: pg_monitor
select to_jsonb(r) from (
  select count(*) as files, coalesce(sum(f.size), 0)::int8 as bytes from pg_ls_logdir() f
) r
