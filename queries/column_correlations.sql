-- Correlation between row order and column values of the given tables, for columns that the role may read.
select c.oid::int8                                                  as table_oid,
       a.attnum::int2                                               as number,
       s.correlation::float8                                        as correlation
  from unnest($1::int8[]) t(oid)
  join pg_catalog.pg_class c on c.oid = t.oid::oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and not s.inherited
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = s.attname
 where s.correlation is not null
