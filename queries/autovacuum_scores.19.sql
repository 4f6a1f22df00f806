-- Tables that are due for VACUUM, of which autovacuum is switched off, the most urgent first, at most 1,000. The score
-- is the number of changes divided by the threshold for VACUUM; the weights of the settings are divided out.
select to_jsonb(r) from (
  select d.table_oid, d.score
    from (select s.oid::int8 as table_oid,
                 greatest(s.vacuum_score / nullif(w.vacuum, 0), s.vacuum_insert_score / nullif(w.inserts, 0)) as score
            from pg_catalog.pg_stat_get_autovacuum_scores() s
           cross join (select current_setting('autovacuum_vacuum_score_weight')::float8        as vacuum,
                              current_setting('autovacuum_vacuum_insert_score_weight')::float8 as inserts) w
           where not s.do_vacuum) d
   where d.score >= 1
   order by d.score desc, d.table_oid
   limit 1000
) r
