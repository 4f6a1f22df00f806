-- Log files of the logging collector (log_directory).
-- needs: pg_monitor
select to_jsonb(r) from (
  select count(*) as files, coalesce(sum(f.size), 0)::int8 as bytes from pg_ls_logdir() f
) r
