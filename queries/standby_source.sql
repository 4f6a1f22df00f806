-- The slot and the application name by which the sender of this standby knows it. Without pg_read_all_stats, the name is null.
select to_jsonb(r) from (
  select coalesce(w.slot_name, nullif(current_setting('primary_slot_name'), ''))                  as slot_name,
         coalesce(substring(w.conninfo from '(?:^| )application_name=(\S+)'),
                  substring(w.conninfo from '(?:^| )fallback_application_name=(\S+)'))              as application_name
    from (values (1)) v left join pg_catalog.pg_stat_wal_receiver w on true
) r
