-- Current WAL position: written on a primary, received or replayed on a standby.
select to_jsonb(r) from (
  select case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
              else pg_current_wal_lsn() end                 as current_lsn,
         case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end as replay_lsn,
         clock_timestamp()                                  as requested_at
) r
