-- Tables with a concurrent index build or drop. Every role can see the lock; VACUUM takes it, too.
select l.relation::int8 as table_oid
  from pg_catalog.pg_locks l
 where l.locktype = 'relation' and l.mode = 'ShareUpdateExclusiveLock'
   and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
union
select p.relid::int8
  from pg_catalog.pg_stat_progress_create_index p
 where p.datname = current_database() and p.relid is not null
 order by 1
