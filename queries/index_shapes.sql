-- Columns of the given indexes: storage, deduplication, and statistics of the table's columns or, for expressions, of
-- the index. Takes no lock.
with wanted as materialized (
  select c.oid, c.relname, c.reloptions, n.nspname, t.relname as table_name, t.oid as table_oid,
         i.indkey::int2[] as keys, i.indclass::oid[] as classes, i.indcollation::oid[] as collations,
         i.indnkeyatts::int4 as key_count, i.indnatts::int4 as all_count,
         t.relrowsecurity and row_security_active(t.oid)                 as row_security
    from unnest($1::int8[]) w(oid)
    join pg_catalog.pg_index i on i.indexrelid = w.oid::oid
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
)
select c.oid::int8                                                          as oid,
       (select x.option_value::int4 from pg_options_to_table(c.reloptions) x where x.option_name = 'fillfactor')
                                                                            as fillfactor,
       (select x.option_value::int4 from pg_options_to_table(c.reloptions) x where x.option_name = 'pages_per_range')
                                                                            as pages_per_range,
       (select o.opcname::text from pg_catalog.pg_opclass o where o.oid = c.classes[0]) as operator_class,
       coalesce((select x.option_value::bool from pg_options_to_table(c.reloptions) x
                  where x.option_name = 'deduplicate_items'), true)
         and c.key_count = c.all_count
         -- Operator classes (support function 4) and collations guarantee that equal keys are identical.
         and not exists (select from unnest(c.classes) k(class)
                          where not exists (select from pg_catalog.pg_opclass o
                                              join pg_catalog.pg_amproc f
                                                on f.amprocfamily = o.opcfamily and f.amproclefttype = o.opcintype
                                               and f.amprocrighttype = o.opcintype and f.amprocnum = 4
                                             where o.oid = k.class))
         and not exists (select from pg_catalog.pg_collation l
                          where l.oid = any (c.collations) and not l.collisdeterministic) as deduplicates,
       bool_and(a.may_select)                                               as may_select,
       c.row_security                                                       as row_security,
       array_agg(a.is_expression order by a.attnum)                         as is_expression,
       array_agg(a.attlen order by a.attnum)                                as attlen,
       array_agg(a.attalign order by a.attnum)                              as attalign,
       array_agg(s.null_frac order by a.attnum)                             as null_frac,
       array_agg(s.avg_width order by a.attnum)                             as avg_width,
       array_agg(s.n_distinct order by a.attnum)                            as n_distinct,
       array_agg(s.common_values order by a.attnum)                         as common_values,
       array_agg(s.common_share order by a.attnum)                          as common_share,
       array_agg(s.elements_per_row order by a.attnum)                      as elements_per_row,
       array_agg(s.distinct_elements order by a.attnum)                     as distinct_elements
  from wanted c
 cross join lateral (
       select k.attnum, k.attlen, c.keys[k.attnum - 1] = 0                                as is_expression,
              case k.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end::int4 as attalign,
              case when c.keys[k.attnum - 1] = 0 then c.relname else c.table_name end   as statistics_of,
              case when c.keys[k.attnum - 1] = 0 then k.attname else t.attname end      as name,
              case when c.keys[k.attnum - 1] = 0 then has_column_privilege(c.oid, k.attnum, 'SELECT')
                   else has_column_privilege(c.table_oid, t.attnum, 'SELECT') end       as may_select
         from pg_catalog.pg_attribute k
         left join pg_catalog.pg_attribute t on t.attrelid = c.table_oid and t.attnum = c.keys[k.attnum - 1]
        where k.attrelid = c.oid and k.attnum > 0
       offset 0
  ) a
  left join lateral (
       select p.null_frac, p.avg_width, p.n_distinct,
              coalesce(cardinality(p.most_common_freqs), 0)                             as common_values,
              (select coalesce(sum(f), 0)::float4 from unnest(p.most_common_freqs) f)   as common_share,
              case when p.most_common_elem_freqs is not null
                   then coalesce(p.elem_count_histogram[cardinality(p.elem_count_histogram)],
                                 (select sum(f)::float4
                                    from unnest(p.most_common_elem_freqs[:cardinality(p.most_common_elem_freqs) - 2]) f))
              end                                                                       as elements_per_row,
              case when p.most_common_elem_freqs is not null
                   then cardinality(p.most_common_elem_freqs)
                        - case when p.elem_count_histogram is null then 2 else 3 end end                   as distinct_elements
         from pg_catalog.pg_stats p
        where p.schemaname = c.nspname and p.tablename = a.statistics_of and p.attname = a.name and not p.inherited
       offset 0
  ) s on true
 group by c.oid, c.reloptions, c.classes, c.collations, c.key_count, c.all_count, c.row_security
 order by c.oid
