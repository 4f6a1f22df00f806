-- Sequences with fewer than 2^53 values, limited by the type of the column that they fill. Takes no lock.
select to_jsonb(r) from (
  with filled as (
    select d.objid as oid, d.refobjid as table_oid, d.refobjsubid as number
      from pg_catalog.pg_depend d
     where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
       and d.deptype in ('a', 'i') and d.refobjsubid > 0
    union
    select d.refobjid, f.adrelid, f.adnum
      from pg_catalog.pg_depend d
      join pg_catalog.pg_attrdef f on f.oid = d.objid
     where d.classid = 'pg_catalog.pg_attrdef'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass),
  narrowest as (
    select distinct on (f.oid) f.oid, t.relname || '.' || a.attname as column, format_type(a.atttypid, null) as column_type,
           case a.atttypid when 21 then 32767 when 23 then 2147483647 else 9223372036854775807 end as most
      from filled f
      join pg_catalog.pg_class t on t.oid = f.table_oid
      join pg_catalog.pg_attribute a on a.attrelid = f.table_oid and a.attnum = f.number
     where a.atttypid in (20, 21, 23)
     order by f.oid, 4, 2),
  bounded as (
    select c.oid, n.nspname as schema, c.relname as sequence, w.column, w.column_type,
           case when s.seqincrement > 0 then s.seqmin else s.seqmax end as first,
           case when s.seqincrement > 0 then least(s.seqmax, w.most) else greatest(s.seqmin, -w.most - 1) end as last,
           s.seqincrement
      from pg_catalog.pg_sequence s
      join pg_catalog.pg_class c on c.oid = s.seqrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      left join narrowest w on w.oid = c.oid
     where not s.seqcycle and c.relpersistence <> 't'
       and not (c.relpersistence = 'u' and pg_is_in_recovery())),
  small as materialized (
    select b.*, row_number() over (order by b.oid) as place
      from bounded b
     where abs(b.last::numeric - b.first) / abs(b.seqincrement::numeric) < 9007199254740992 and b.last <> b.first)
  select coalesce(jsonb_agg(jsonb_build_object(
                    'oid', m.oid::int8, 'schema', m.schema, 'sequence', m.sequence, 'column', m.column,
                    'column_type', m.column_type, 'first', m.first, 'last', m.last, 'may_read', m.may_read)
                  order by m.schema, m.sequence) filter (where m.place <= 5000), '[]')  as sequences,
         count(*) filter (where m.place > 5000)                                         as left_out
    from (select s.*, has_sequence_privilege(s.oid, 'SELECT,USAGE') as may_read from small s) m
) r
