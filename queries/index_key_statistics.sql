-- All columns of the given indexes: storage, deduplication, and statistics of the table's columns or, for an
-- expression, of the index. Takes no lock.
with wanted as materialized (
  select c.oid, c.relname, c.reloptions, n.nspname, t.oid as table_oid, t.relname as table_name,
         t.relrowsecurity as has_row_security, i.indclass, i.indcollation, i.indkey, i.indnkeyatts, i.indnatts
    from unnest($1::int8[]) w(oid)
    join pg_catalog.pg_index i on i.indexrelid = w.oid::oid
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
)
select c.oid::int8                                                          as oid,
       (select x.option_value::int4 from pg_options_to_table(c.reloptions) x where x.option_name = 'fillfactor')
                                                                            as fillfactor,
       coalesce((select x.option_value::bool from pg_options_to_table(c.reloptions) x
                  where x.option_name = 'deduplicate_items'), true)
         and c.indnatts = c.indnkeyatts
         -- Operator classes (support function 4) and collations guarantee that equal keys are identical.
         and (select bool_and(exists (select from pg_catalog.pg_opclass o
                                        join pg_catalog.pg_amproc f
                                          on f.amprocfamily = o.opcfamily and f.amproclefttype = o.opcintype
                                         and f.amprocrighttype = o.opcintype and f.amprocnum = 4
                                       where o.oid = k.opclass))
                from unnest(c.indclass::oid[]) k(opclass))
         and not exists (select from pg_catalog.pg_collation l
                          where l.oid = any (c.indcollation::oid[]) and not l.collisdeterministic)
                                                                            as deduplicates,
       a.may_select                                                         as may_select,
       c.has_row_security and a.of_table and row_security_active(c.table_oid) as row_security,
       a.attlen                                                             as attlen,
       a.attalign                                                           as attalign,
       a.null_frac                                                          as null_frac,
       a.avg_width                                                          as avg_width,
       a.n_distinct                                                         as n_distinct
  from wanted c
 cross join lateral (
       select bool_and(has_column_privilege(s.statistics_oid, s.attnum, 'SELECT')) as may_select,
              bool_or(s.of_table)                                           as of_table,
              array_agg(s.attlen order by s.place)                          as attlen,
              array_agg(s.attalign order by s.place)                        as attalign,
              array_agg(p.null_frac order by s.place)                       as null_frac,
              array_agg(p.avg_width order by s.place)                       as avg_width,
              array_agg(p.n_distinct order by s.place)                      as n_distinct
         from (select k.attnum as place, k.attlen, t.attnum is not null as of_table,
                      case k.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end::int4 as attalign,
                      case when t.attnum is null then c.oid else c.table_oid end      as statistics_oid,
                      case when t.attnum is null then c.relname else c.table_name end as statistics_of,
                      coalesce(t.attnum, k.attnum)                                    as attnum,
                      coalesce(t.attname, k.attname)                                  as attname
                 from pg_catalog.pg_attribute k
                 left join pg_catalog.pg_attribute t
                   on t.attrelid = c.table_oid and t.attnum = c.indkey[k.attnum - 1] and c.indkey[k.attnum - 1] <> 0
                where k.attrelid = c.oid and k.attnum > 0
               offset 0) s
         left join lateral (
              select q.null_frac, q.avg_width, q.n_distinct
                from pg_catalog.pg_stats q
               where q.schemaname = c.nspname and q.tablename = s.statistics_of and q.attname = s.attname
                 and not q.inherited
              offset 0
         ) p on true
       offset 0
  ) a
 order by c.oid
