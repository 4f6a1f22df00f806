-- Foreign keys: referencing columns, the index of the referenced table, and whether they are enforced (18).
select k.conname::text    as constraint_name,
       k.conrelid::int8   as table_oid,
       k.conkey           as column_numbers,
       k.conindid::int8   as target_index_oid,
       coalesce((to_jsonb(k) ->> 'conenforced')::bool, true) as is_enforced
  from pg_catalog.pg_constraint k
 where k.contype = 'f'
 order by k.oid
