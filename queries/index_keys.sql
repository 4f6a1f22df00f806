-- What the key columns of every index outside the catalogs are made of, and its storage options: no lock, no function
-- that opens a relation.
select i.indexrelid::int8                                           as oid,
       i.indclass::oid[]                                            as operator_classes,
       i.indcollation::oid[]                                        as collations,
       i.indoption::int2[]                                          as options,
       c.reloptions                                                 as storage
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
 where i.indexrelid >= 16384
