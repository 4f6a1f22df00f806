-- Foreign keys: which columns of which table refer, and through which index of the other table they are checked.
select k.conname::text    as constraint_name,
       k.conrelid::int8   as table_oid,
       k.conkey           as column_numbers,
       k.conindid::int8   as target_index_oid
  from pg_catalog.pg_constraint k
 where k.contype = 'f'
 order by k.oid
