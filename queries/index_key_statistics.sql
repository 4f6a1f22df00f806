-- The only column of each of the given indexes: how it is stored, whether equal keys may share a tuple, and what ANALYZE
-- found of the table's column or, for an expression, of the index's own. No lock is taken.
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
                      where o.oid = i.indclass[0])
         and coalesce((select l.collisdeterministic from pg_catalog.pg_collation l where l.oid = i.indcollation[0]), true)
                                                                            as deduplicates,
       has_column_privilege(s.relation, s.attnum, 'SELECT')                 as may_select,
       t.relrowsecurity and i.indkey[0] <> 0 and row_security_active(t.oid) as row_security,
       k.attlen                                                             as attlen,
       case k.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end::int4 as attalign,
       p.null_frac                                                          as null_frac,
       p.avg_width                                                          as avg_width,
       p.n_distinct                                                         as n_distinct
  from unnest($1::int8[]) w(oid)
  join pg_catalog.pg_index i on i.indexrelid = w.oid::oid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_class t on t.oid = i.indrelid
  join pg_catalog.pg_namespace n on n.oid = t.relnamespace
  join pg_catalog.pg_attribute k on k.attrelid = c.oid and k.attnum = 1
  left join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0] and i.indkey[0] <> 0
 cross join lateral (
       select case when a.attnum is null then c.oid else t.oid end,
              case when a.attnum is null then c.relname else t.relname end,
              coalesce(a.attname, k.attname), coalesce(a.attnum, k.attnum)
  ) s(relation, relname, attname, attnum)
  left join lateral (
       select q.null_frac, q.avg_width, q.n_distinct
         from pg_catalog.pg_stats q
        where q.schemaname = n.nspname and q.tablename = s.relname and q.attname = s.attname and not q.inherited
       offset 0
  ) p on true
 order by c.oid
