-- The oldest open transactions with a transaction id. Of the statement, only the text before its first literal is read,
-- without comments; nothing of a statement that ends inside a comment.
select to_jsonb(r) from (
  select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_all,
         coalesce((select jsonb_agg(to_jsonb(o) order by o.xid_age desc, o.pid)
                     from (select a.pid, a.datname as database, a.usename as role, a.application_name, a.state,
                                  a.xact_start, age(a.backend_xid) as xid_age,
                                  case when q.text !~ '/\*|\*/'
                                       then btrim(left(regexp_replace(regexp_replace(q.text, '(''|\$|\m[0-9]).*$', ''),
                                                                      '\s+', ' ', 'g'), 80)) end as query
                             from pg_catalog.pg_stat_activity a
                            cross join lateral (
                                  select regexp_replace(regexp_replace(regexp_replace(regexp_replace(a.query,
                                           '--[^\n]*', ' ', 'g'), '/\*((?!/\*|\*/).)*\*/', ' ', 'g'),
                                           '/\*((?!/\*|\*/).)*\*/', ' ', 'g'), '/\*((?!/\*|\*/).)*\*/', ' ', 'g') as text
                                  offset 0) q
                            where a.backend_xid is not null and a.pid <> pg_backend_pid()
                            order by age(a.backend_xid) desc, a.pid
                            limit 10) o), '[]') as transactions
) r
