-- Rights of the role for slots and checkpoints: attributes, and memberships with inherited privileges.
select to_jsonb(r) from (
  select coalesce(bool_or(u.rolname = current_user and (u.rolsuper or u.rolreplication)), false)
         or coalesce(bool_or(u.rolname = 'rds_replication' and pg_has_role(u.oid, 'USAGE')), false) as may_drop_slots,
         coalesce(bool_or(u.rolname = current_user and u.rolsuper), false)
         or coalesce(bool_or(u.rolname = 'pg_checkpoint' and pg_has_role(u.oid, 'USAGE')), false)   as may_checkpoint
    from pg_catalog.pg_roles u
   where u.rolname in (current_user, 'rds_replication', 'pg_checkpoint')
) r
