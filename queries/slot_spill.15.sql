-- Files of logical decoding outside pg_wal: spilled transactions, snapshots, row mappings.
-- needs: pg_monitor
select to_jsonb(r) from (
  select count(*) as files, coalesce(sum(f.size), 0)::int8 as bytes
    from (select d.size from pg_catalog.pg_replication_slots s, pg_ls_replslotdir(s.slot_name) d
           where s.slot_type = 'logical'
          union all select size from pg_ls_logicalsnapdir()
          union all select size from pg_ls_logicalmapdir()) f
) r
