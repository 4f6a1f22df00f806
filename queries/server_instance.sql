-- The server instance of a session: WAL timeline, data directory, address of the connection.
select to_jsonb(r) from (
  select case when pg_is_in_recovery() then (select w.received_tli from pg_catalog.pg_stat_wal_receiver w)
              else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end as timeline_id,
         (select s.setting from pg_catalog.pg_settings s where s.name = 'data_directory')      as data_directory,
         host(inet_server_addr())                                                            as server_addr,
         inet_server_port()                                                                  as server_port
) r
