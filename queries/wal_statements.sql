-- The statements that wrote most WAL, where pg_stat_statements is installed. The extension may lie in any schema, hence the
-- text that becomes a query; of a statement only what stands before its first literal, and without its comments.
select to_jsonb(r) from (
  select current_setting('pg_stat_statements.max', true) is not null as is_loaded,
         x.extversion is not null                                    as is_installed,
         x.extversion                                                as extension_version,
         pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')     as sees_all,
         replace(replace(replace(substring(f.found from '<j>(.*)</j>'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')::jsonb
                                                                     as found
    from (select 1) one
    left join lateral (
         select e.extversion, n.nspname,
                exists (select from pg_catalog.pg_class c
                         where c.relnamespace = n.oid and c.relname = 'pg_stat_statements_info') as has_info
           from pg_catalog.pg_extension e
           join pg_catalog.pg_namespace n on n.oid = e.extnamespace
          where e.extname = 'pg_stat_statements') x on true
    left join lateral (
         select query_to_xml(format($text$
           with row as materialized (
             select s.userid, s.dbid, s.queryid, s.calls, s.query,
                    (to_jsonb(s) ->> 'wal_bytes')::numeric::int8         as wal_bytes,
                    (to_jsonb(s) ->> 'wal_fpi')::int8                    as wal_fpi,
                    coalesce((to_jsonb(s) ->> 'toplevel')::bool, true)   as is_top
               from %I.pg_stat_statements s),
           most as (select * from row where wal_bytes > 0 order by wal_bytes desc, queryid limit 10),
           uncommented as (
             select most.*,
                    regexp_replace(regexp_replace(regexp_replace(regexp_replace(most.query, '--[^\n]*', ' ', 'g'),
                      '/\*((?!/\*|\*/).)*\*/', ' ', 'g'), '/\*((?!/\*|\*/).)*\*/', ' ', 'g'),
                      '/\*((?!/\*|\*/).)*\*/', ' ', 'g') as text
               from most)
           select jsonb_build_object(
                    'wal_bytes', (select sum(row.wal_bytes) filter (where row.is_top) from row),
                    'since', (%s),
                    'statements', (select coalesce(jsonb_agg(jsonb_build_object(
                        'queryid', u.queryid::text,
                        'database', (select d.datname from pg_catalog.pg_database d where d.oid = u.dbid),
                        'role', (select a.rolname from pg_catalog.pg_roles a where a.oid = u.userid),
                        'calls', u.calls, 'wal_bytes', u.wal_bytes, 'wal_fpi', u.wal_fpi,
                        'query', case when u.queryid is not null and u.text !~ '/\*|\*/'
                                      then nullif(btrim(left(regexp_replace(
                                             regexp_replace(u.text, '(''|\$|\m[0-9]).*$', ''), '\s+', ' ', 'g'), 80)), '') end)
                        order by u.wal_bytes desc, u.queryid), '[]') from uncommented u))::text as j
           $text$, x.nspname,
           case when x.has_info then format('select i.stats_reset from %I.pg_stat_statements_info i', x.nspname)
                else 'null' end), false, true, '')::text
          where x.nspname is not null
         offset 0) f(found) on true
) r
