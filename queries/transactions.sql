-- The oldest open transactions with an id of their own; of the statement only what stands before its first literal.
select to_jsonb(r) from (
  select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_all,
         coalesce((select jsonb_agg(to_jsonb(o) order by o.xid_age desc, o.pid)
                     from (select a.pid, a.datname as database, a.usename as role, a.application_name, a.state,
                                  a.xact_start, age(a.backend_xid) as xid_age,
                                  btrim(left(regexp_replace(split_part(split_part(a.query, '''', 1), '$', 1),
                                                            '\s+', ' ', 'g'), 80)) as query
                             from pg_catalog.pg_stat_activity a
                            where a.backend_xid is not null and a.pid <> pg_backend_pid()
                            order by age(a.backend_xid) desc, a.pid
                            limit 10) o), '[]') as transactions
) r
