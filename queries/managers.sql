-- Applications and roles of programs that manage high availability.
select to_jsonb(r) from (
  select array(select distinct a.application_name from pg_catalog.pg_stat_activity a
                where a.application_name ~* '^(patroni|repmgr|cnpg|stolon)'
                order by 1)                                                          as application_names,
         array(select p.rolname from pg_catalog.pg_roles p
                where p.rolname in ('pgautofailover_replicator', 'pgautofailover_monitor', 'streaming_replica')
                order by 1)                                                          as roles
) r
