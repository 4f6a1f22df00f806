-- Objects that depend on an index: views that group by a key depend on its constraint; extensions own it or depend on
-- it.
select to_jsonb(r) from (
  select k.conindid::int8 as oid, 'view' as dependent
    from pg_catalog.pg_depend d
    join pg_catalog.pg_constraint k on k.oid = d.refobjid
   where d.refclassid = 'pg_catalog.pg_constraint'::regclass
     and d.classid = 'pg_catalog.pg_rewrite'::regclass
     and k.conindid <> 0
  union
  select c.oid::int8, 'extension'
    from pg_catalog.pg_depend d
    join pg_catalog.pg_class c on c.oid = d.objid
   where d.refclassid = 'pg_catalog.pg_extension'::regclass
     and d.classid = 'pg_catalog.pg_class'::regclass
     and c.relkind in ('i', 'I')
   order by 1, 2
) r
