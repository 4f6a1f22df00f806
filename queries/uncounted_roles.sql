-- Roles whose sessions in this database are not counted: track_counts is off for the role, or for all in the database.
select to_jsonb(r) from (
  select coalesce(a.rolname::text, 'every role') as role
    from pg_catalog.pg_db_role_setting s
    left join pg_catalog.pg_roles a on a.oid = s.setrole
   cross join lateral unnest(s.setconfig) c(setting)
   where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
     -- The value is stored as entered: any prefix of a word for false.
     and c.setting ~* '^track_counts=(off?|f|fa|fal|fals|false|no?|0)$'
   order by 1
) r
