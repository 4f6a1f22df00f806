-- Exact bytes of all forks of the given relations, from their files: no relation is opened, so no lock is taken and no
-- relation cache entry is built. Relations that were dropped in the meantime are left out.
select a.oid,
       case when f.main < s.segment_bytes
            then f.main + coalesce((pg_stat_file(f.path || '_fsm', true)).size, 0)
                 + case when c.relkind = 'i' then 0 else coalesce((pg_stat_file(f.path || '_vm', true)).size, 0) end
                 + case when c.relpersistence = 'u'
                        then coalesce((pg_stat_file(f.path || '_init', true)).size, 0) else 0 end
            else (with recursive segment as (
                    select k.fork, 0 as number, (pg_stat_file(f.path || k.fork, true)).size
                      from unnest(array['', '_fsm', '_vm', '_init']) k(fork)
                    union all
                    select g.fork, g.number + 1, (pg_stat_file(f.path || g.fork || '.' || (g.number + 1), true)).size
                      from segment g
                     where g.size = s.segment_bytes
                  )
                  select sum(g.size)::int8 from segment g)
       end as bytes
  from unnest($1::int8[]) a(oid)
  join pg_catalog.pg_class c on c.oid = a.oid::oid
 cross join lateral (select pg_relation_filepath(c.oid) as path offset 0) p
 cross join lateral (select p.path, (pg_stat_file(p.path, true)).size as main offset 0) f
 cross join (select pg_size_bytes(current_setting('segment_size')) as segment_bytes) s
