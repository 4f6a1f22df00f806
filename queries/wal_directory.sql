-- Files of pg_wal, runs of written segments, and recycled segments for future positions.
-- needs: pg_monitor
select to_jsonb(r) from (
  with place as (
    select pg_wal_lsn_diff(case when pg_is_in_recovery()
                                then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                                else pg_current_wal_lsn() end, '0/0') as now,
           pg_size_bytes(current_setting('wal_segment_size')) as segment),
  file as materialized (
    select d.size, d.modification, d.name ~ '^[0-9A-F]{24}$' as is_segment,
           case when d.name ~ '^[0-9A-F]{24}$' then ('x' || substr(d.name, 1, 8))::bit(32)::int8 end as timeline,
           case when d.name ~ '^[0-9A-F]{24}$'
                then ('x' || substr(d.name, 9, 8))::bit(32)::int8 * 4294967296
                   + ('x' || substr(d.name, 17, 8))::bit(32)::int8 * place.segment end as start
      from pg_ls_waldir() d, place),
  run as (
    select w.timeline, min(w.start) as start, count(*) as segments
      from (select f.timeline, f.start,
                   f.start / place.segment - row_number() over (partition by f.timeline order by f.start) as island
              from file f, place
             where f.is_segment and f.start < place.now) w
     group by w.timeline, w.island)
  select coalesce(sum(f.size), 0)::int8                                                   as directory_bytes,
         count(*) filter (where f.is_segment)                                             as files,
         coalesce(sum(f.size) filter (where f.is_segment and f.start >= place.now), 0)::int8 as recycled_bytes,
         count(*) filter (where f.is_segment and f.start >= place.now)                    as recycled_files,
         coalesce(sum(f.size) filter (where not f.is_segment), 0)::int8                   as other_bytes,
         min(f.modification) filter (where f.is_segment and f.start < place.now)          as oldest_modified_at,
         (to_hex(min(f.start) >> 32) || '/' || to_hex(min(f.start) & 4294967295))::pg_lsn as oldest_lsn,
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'from', (to_hex(run.start >> 32) || '/' || to_hex(run.start & 4294967295))::pg_lsn,
                   'segments', run.segments) order by run.start, run.timeline), '[]')
            from run)                                                                      as written
    from file f, place
   group by place.now
) r
