-- Consumers that stream WAL from this server, and their positions.
select to_jsonb(r) from (
  select w.pid, w.application_name, w.usename as role, host(w.client_addr) as client_addr, w.backend_start, w.state,
         w.sent_lsn, w.flush_lsn, w.replay_lsn,
         extract(epoch from w.replay_lag)::int8 as replay_lag_seconds
    from pg_catalog.pg_stat_replication w
   order by w.pid
) r
