-- Constraints that indexes enforce. This is a separate query, because a join with 100,000 indexes would take as long as
-- reading the indexes.
select k.conindid::int8                                             as index_oid,
       k.conname::text                                              as constraint_name,
       k.contype::text                                              as constraint_type
  from pg_catalog.pg_constraint k
 where k.contype in ('p', 'u', 'x')
