-- The constraints that indexes enforce. A question of its own: joined to a hundred thousand indexes they would cost as much
-- as the indexes themselves.
select k.conindid::int8                                             as index_oid,
       k.conname::text                                              as constraint_name,
       k.contype::text                                              as constraint_type
  from pg_catalog.pg_constraint k
 where k.contype in ('p', 'u', 'x')
