-- Expressions and predicate of the given indexes. Indexes of relations with a held or awaited ACCESS EXCLUSIVE lock are
-- left out.
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
)
select a.oid,
       array(select pg_get_indexdef(i.indexrelid, p.place, false)
               from generate_series(1, i.indnkeyatts::int4) p(place)
              where i.indkey[p.place - 1] = 0
              order by p.place)                                      as expressions,
       pg_get_expr(i.indpred, i.indrelid)                            as predicate
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_index i on i.indexrelid = a.oid::oid
 where not exists (select from locked l where l.relation in (i.indexrelid, i.indrelid))
