-- WAL written by each current process, the most first. Of processes of other roles, a role sees only pid and role.
select to_jsonb(r) from (
  select a.pid, a.backend_type, a.datname as database, a.usename as role, a.application_name, a.backend_start,
         w.wal_bytes::int8 as wal_bytes, w.wal_fpi
    from pg_catalog.pg_stat_activity a
   cross join lateral pg_stat_get_backend_wal(a.pid) w
   where w.wal_bytes > 0
   order by w.wal_bytes desc, a.pid
   limit 10
) r
