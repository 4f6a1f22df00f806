-- Receive and replay positions of a standby, and the commit time of the last replayed transaction.
-- needs: pg_monitor
select to_jsonb(r) from (
  select pg_last_wal_receive_lsn()                                              as receive_lsn,
         pg_last_wal_replay_lsn()                                               as replay_lsn,
         pg_last_xact_replay_timestamp()                                        as last_replayed_at,
         case when pg_is_in_recovery() then pg_is_wal_replay_paused() end       as is_paused,
         case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() end as pause_state,
         case when not exists (select from pg_catalog.pg_stat_wal_receiver w) then false
              else (select w.status = 'streaming' from pg_catalog.pg_stat_wal_receiver w) end as is_streaming
) r
