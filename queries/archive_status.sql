-- Segments that wait for the archiver (.ready files); pg_wal retains them until they are archived.
-- needs: pg_monitor
select to_jsonb(r) from (
  select count(*)                                                                       as ready_files,
         (to_hex(min(f.start) >> 32) || '/' || to_hex(min(f.start) & 4294967295))::pg_lsn as oldest_ready_lsn
    from (select case when d.name ~ '^[0-9A-F]{24}\.ready$'
                      then ('x' || substr(d.name, 9, 8))::bit(32)::int8 * 4294967296
                         + ('x' || substr(d.name, 17, 8))::bit(32)::int8
                         * pg_size_bytes(current_setting('wal_segment_size'))
                 end as start
            from pg_ls_archive_statusdir() d
           where d.name ~ '\.ready$') f
) r
