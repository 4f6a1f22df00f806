-- The only column of each of the given indexes: how it is stored, whether equal keys may share a tuple, and what ANALYZE
-- found of the table's column or, for an expression, of the index's own. No lock is taken.
with wanted as materialized (
  select c.oid, c.reloptions, n.nspname, t.relrowsecurity and a.attnum is not null as has_row_security, t.oid as table_oid,
         i.indclass[0] as opclass, i.indcollation[0] as collation, k.attlen, k.attalign,
         case when a.attnum is null then c.oid else t.oid end         as statistics_oid,
         case when a.attnum is null then c.relname else t.relname end as statistics_of,
         coalesce(a.attnum, k.attnum)                                 as attnum,
         coalesce(a.attname, k.attname)                               as attname
    from unnest($1::int8[]) w(oid)
    join pg_catalog.pg_index i on i.indexrelid = w.oid::oid
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    join pg_catalog.pg_attribute k on k.attrelid = c.oid and k.attnum = 1
    left join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0] and i.indkey[0] <> 0
)
select c.oid::int8                                                          as oid,
       (select x.option_value::int4 from pg_options_to_table(c.reloptions) x where x.option_name = 'fillfactor')
                                                                            as fillfactor,
       coalesce((select x.option_value::bool from pg_options_to_table(c.reloptions) x
                  where x.option_name = 'deduplicate_items'), true)
         -- The operator class says that equal keys look equal (support function 4), and the collation, too.
         and exists (select from pg_catalog.pg_opclass o
                       join pg_catalog.pg_amproc f
                         on f.amprocfamily = o.opcfamily and f.amproclefttype = o.opcintype
                        and f.amprocrighttype = o.opcintype and f.amprocnum = 4
                      where o.oid = c.opclass)
         and coalesce((select l.collisdeterministic from pg_catalog.pg_collation l where l.oid = c.collation), true)
                                                                            as deduplicates,
       has_column_privilege(c.statistics_oid, c.attnum, 'SELECT')           as may_select,
       c.has_row_security and row_security_active(c.table_oid)              as row_security,
       c.attlen                                                             as attlen,
       case c.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end::int4 as attalign,
       p.null_frac                                                          as null_frac,
       p.avg_width                                                          as avg_width,
       p.n_distinct                                                         as n_distinct
  from wanted c
  left join lateral (
       select q.null_frac, q.avg_width, q.n_distinct
         from pg_catalog.pg_stats q
        where q.schemaname = c.nspname and q.tablename = c.statistics_of and q.attname = c.attname and not q.inherited
       offset 0
  ) p on true
 order by c.oid
