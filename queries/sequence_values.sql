-- How far the given sequences have come. Each takes a lock that only DDL feels, and that stays until the transaction ends:
-- so they are asked a few at a time. Those under, or awaited by, an ACCESS EXCLUSIVE lock are left out.
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
)
select a.oid, pg_sequence_last_value(s.seqrelid) as last_value
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_sequence s on s.seqrelid = a.oid::oid
 where not exists (select from locked l where l.relation = s.seqrelid)
   and has_sequence_privilege(s.seqrelid, 'SELECT,USAGE')
