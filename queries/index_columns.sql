-- Column names of the given tables, for the key columns of their indexes.
select a.attrelid::int8 as table_oid, a.attnum::int2 as number, a.attname::text as name
  from pg_catalog.pg_attribute a
 where a.attrelid = any ($1::int8[]::oid[]) and a.attnum > 0
