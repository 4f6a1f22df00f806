-- Roles and databases with a default_transaction_read_only setting.
select to_jsonb(r) from (
  select u.rolname as role, d.datname as database, c.config as setting
    from pg_catalog.pg_db_role_setting s
   cross join unnest(s.setconfig) c(config)
    left join pg_catalog.pg_roles u on u.oid = s.setrole and s.setrole <> 0
    left join pg_catalog.pg_database d on d.oid = s.setdatabase and s.setdatabase <> 0
   where c.config like 'default\_transaction\_read\_only=%'
   order by 1, 2
) r
