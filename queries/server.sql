-- The server and the connected role: version, start time, recovery, privileges.
select to_jsonb(r) from (
  select current_setting('server_version_num')::int                          as version_num,
         version()                                                           as version,
         current_database()                                                  as database,
         current_user                                                        as role,
         coalesce(u.rolsuper, false)                                         as role_is_superuser,
         coalesce(u.rolsuper or u.rolreplication, false)                     as role_may_replicate,
         pg_has_role(current_user, 'pg_monitor', 'USAGE')                    as role_is_monitor,
         pg_is_in_recovery()                                                 as in_recovery,
         pg_postmaster_start_time()                                          as started_at,
         clock_timestamp()                                                   as requested_at,
         current_setting('block_size')::int                                  as block_size_bytes,
         pg_size_bytes(current_setting('wal_segment_size'))                  as wal_segment_bytes
    from (select current_user as name) me
    left join pg_catalog.pg_roles u on u.rolname = me.name
) r
