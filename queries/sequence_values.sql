-- Values of the given sequences. Each takes a lock that conflicts only with DDL and lasts until the end of the
-- transaction, so only a few are read at a time. Sequences with a held or awaited ACCESS EXCLUSIVE lock are left out.
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
