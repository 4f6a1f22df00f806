-- Standbys: those that stream now, and physical slots that wait for one. Their scans are counted on themselves alone.
select to_jsonb(r) from (
  select coalesce(nullif(s.application_name, ''), 'unnamed') as name,
         s.client_addr::text                                 as address,
         true                                                as streaming
    from pg_catalog.pg_stat_replication s
    left join pg_catalog.pg_replication_slots l on l.active_pid = s.pid
   where l.slot_type is distinct from 'logical'
     and s.state is distinct from 'backup'
     and coalesce(s.application_name, '') not in ('pg_receivewal', 'pg_basebackup')
  union all
  select l.slot_name::text, null, false
    from pg_catalog.pg_replication_slots l
   where l.slot_type = 'physical' and not l.active and not l.temporary and l.restart_lsn is not null
   order by 3, 1, 2
) r
