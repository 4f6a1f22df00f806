-- pg_wal: its files, and how many of them are recycled for positions still to come.
-- needs: pg_monitor
select to_jsonb(r) from (
  select coalesce(sum(f.size), 0)::int8                                              as directory_bytes,
         count(*) filter (where f.is_segment)                                        as files,
         coalesce(sum(f.size) filter (where f.is_segment and f.start >= p.now), 0)::int8 as recycled_bytes,
         count(*) filter (where f.is_segment and f.start >= p.now)                   as recycled_files,
         min(f.modification) filter (where f.is_segment and f.start < p.now)         as oldest_modified_at,
         upper(to_hex(min(f.start) >> 32) || '/' || to_hex(min(f.start) & 4294967295)) as oldest_lsn
    from (select pg_wal_lsn_diff(case when pg_is_in_recovery()
                                      then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                                      else pg_current_wal_lsn() end, '0/0') as now) p,
         (select d.size, d.modification, d.name ~ '^[0-9A-F]{24}$' as is_segment,
                 case when d.name ~ '^[0-9A-F]{24}$'
                      then ('x' || substr(d.name, 9, 8))::bit(32)::int8 * 4294967296
                         + ('x' || substr(d.name, 17, 8))::bit(32)::int8
                         * pg_size_bytes(current_setting('wal_segment_size'))
                 end as start
            from pg_ls_waldir() d) f
) r
