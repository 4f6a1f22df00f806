-- Columns of the given tables in storage order, with layout and statistics. Takes no lock. Dropped and virtual
-- generated columns are stored as null.
with wanted as materialized (
  select c.oid, n.nspname, c.relname, c.relrowsecurity,
         (select x.option_value::int4 from pg_options_to_table(c.reloptions) x where x.option_name = 'fillfactor')
                                              as fillfactor,
         has_table_privilege(c.oid, 'SELECT') as may_select
    from unnest($1::int8[]) w(oid)
    join pg_catalog.pg_class c on c.oid = w.oid::oid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
)
select c.oid::int8                                                          as oid,
       c.fillfactor                                                         as fillfactor,
       bool_and(c.may_select or a.stores_nothing or has_column_privilege(c.oid, a.attnum, 'SELECT')) as may_select,
       bool_or(c.relrowsecurity and row_security_active(c.oid))             as row_security,
       array_agg(a.attlen order by a.attnum)                                as attlen,
       array_agg(a.attalign order by a.attnum)                              as attalign,
       array_agg(a.stores_nothing order by a.attnum)                        as stores_nothing,
       array_agg(a.is_dropped order by a.attnum)                            as is_dropped,
       array_agg(s.null_frac order by a.attnum)                             as null_frac,
       array_agg(s.avg_width order by a.attnum)                             as avg_width,
       array_agg(s.n_distinct order by a.attnum)                            as n_distinct
  from wanted c
 cross join lateral (
       select t.attnum, t.attname, t.attlen,
              case t.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end::int4 as attalign,
              t.attisdropped or t.attgenerated = 'v' as stores_nothing,
              t.attisdropped as is_dropped
         from pg_catalog.pg_attribute t
        where t.attrelid = c.oid and t.attnum > 0
       offset 0
  ) a
  left join lateral (
       select p.attname, p.null_frac, p.avg_width, p.n_distinct
         from pg_catalog.pg_stats p
        where p.schemaname = c.nspname and p.tablename = c.relname and not p.inherited
       offset 0
  ) s on s.attname = a.attname
 group by c.oid, c.fillfactor
 order by c.oid
