-- The catalog entries of indexes outside of schema public, with names instead of OIDs, one per line. A difference after up
-- and down is a defect of the migration.
set search_path = '';
-- pg_class, field by field.
select pg_catalog.format('index %s.%s on %s: %s %s %s %s %s attached=%s', n.nspname, c.relname, i.indrelid::pg_catalog.regclass,
         c.relkind, m.amname, coalesce(s.spcname, '-'), c.reloptions, c.relpersistence, c.relispartition)
  from pg_catalog.pg_class c
  join pg_catalog.pg_index i on i.indexrelid = c.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_am m on m.oid = c.relam
  left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
 where n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
-- pg_index without its OIDs; the definition contains their meaning.
select pg_catalog.format('pg_index %s: %s %s', i.indexrelid::pg_catalog.regclass,
         pg_catalog.to_jsonb(i) - 'indexrelid' - 'indrelid' - 'indexprs' - 'indpred' - 'indcollation' - 'indclass',
         pg_catalog.pg_get_indexdef(i.indexrelid))
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
select pg_catalog.format('column %s.%s: %s %s %s %s %s', a.attrelid::pg_catalog.regclass, a.attnum, a.attname,
         a.atttypid::pg_catalog.regtype, a.attcollation::pg_catalog.regcollation, coalesce(a.attstattarget, -1), a.attoptions)
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('i', 'I') and a.attnum > 0 and n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
select pg_catalog.format('comment %s: %s', d.objoid::pg_catalog.regclass, d.description)
  from pg_catalog.pg_description d
  join pg_catalog.pg_class c on c.oid = d.objoid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('i', 'I') and n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
select pg_catalog.format('inherits %s: %s %s', h.inhrelid::pg_catalog.regclass, h.inhparent::pg_catalog.regclass, h.inhseqno)
  from pg_catalog.pg_inherits h
  join pg_catalog.pg_class c on c.oid = h.inhrelid
 where c.relkind in ('i', 'I')
 order by 1;
-- An index may depend on a column twice: by an expression and by a predicate.
select distinct pg_catalog.format('depends %s on %s: %s', pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
         pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), d.deptype)
  from pg_catalog.pg_depend d
  join pg_catalog.pg_class c on c.oid = d.objid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.relkind in ('i', 'I')
   and n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
-- Statistics of an expression are dropped with the index.
select pg_catalog.format('statistics %s: %s', s.starelid::pg_catalog.regclass, s.staattnum)
  from pg_catalog.pg_statistic s
  join pg_catalog.pg_class c on c.oid = s.starelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('i', 'I') and n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
select pg_catalog.format('table %s: %s %s', c.oid::pg_catalog.regclass, c.relreplident, c.relhasindex)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^(pg_|public$|information_schema$)'
 order by 1;
