-- Changed settings that wait for a restart.
select to_jsonb(r) from (
  select s.name from pg_catalog.pg_settings s where s.pending_restart order by s.name
) r
