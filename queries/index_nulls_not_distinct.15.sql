-- Unique indexes for which two nulls are equal.
select i.indexrelid::int8 as oid
  from pg_catalog.pg_index i
 where i.indnullsnotdistinct
 order by i.indexrelid
