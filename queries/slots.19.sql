-- All replication slots with the ages of their horizons, the synchronization of failover slots, and the table of a REPACK.
select to_jsonb(s) || jsonb_build_object(
         'xmin_age', age(s.xmin), 'catalog_xmin_age', age(s.catalog_xmin),
         'slotsync_skip_count', t.slotsync_skip_count, 'slotsync_last_skip', t.slotsync_last_skip,
         'repack', r.repack)
  from pg_catalog.pg_replication_slots s
  left join pg_catalog.pg_stat_replication_slots t on t.slot_name = s.slot_name
  left join lateral (
    select jsonb_build_object('pid', p.pid, 'table', format('%I.%I', n.nspname, c.relname)) as repack
      from pg_catalog.pg_stat_activity a
      join pg_catalog.pg_stat_progress_repack p on p.pid = a.leader_pid
      left join (pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace)
        on c.oid = p.relid and p.datname = current_database()
     where a.pid = s.active_pid and s.plugin = 'pgrepack') r on true
 order by s.slot_name
