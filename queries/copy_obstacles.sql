-- Objects of this database that a logical copy omits or treats differently: number and some names of each kind.
select to_jsonb(r) from (
  with mine as materialized (
    select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind, c.relpersistence, c.relreplident
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid >= 16384 and c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't'
       and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  ), found as materialized (
    select 'no_replica_identity' as kind, m.name from mine m
     where m.relkind = 'r' and m.relpersistence = 'p'
       and (m.relreplident = 'n'
            or m.relreplident = 'd' and not exists (select from pg_catalog.pg_index i
                                                     where i.indrelid = m.oid and i.indisprimary and i.indisvalid
                                                       -- A deferrable primary key is not one.
                                                       and i.indimmediate)
            or m.relreplident = 'i' and not exists (select from pg_catalog.pg_index i
                                                     where i.indrelid = m.oid and i.indisreplident and i.indisvalid))
    union all select 'unlogged', m.name from mine m where m.relpersistence = 'u'
    union all select 'materialized_view', m.name from mine m where m.relkind = 'm'
    union all select 'event_trigger', quote_ident(e.evtname) from pg_catalog.pg_event_trigger e where e.evtenabled <> 'D'
    union all select 'foreign_server', quote_ident(f.srvname) from pg_catalog.pg_foreign_server f
    union all select 'publication', quote_ident(p.pubname) from pg_catalog.pg_publication p
    union all select 'extension', x.extname::text from pg_catalog.pg_extension x where x.extname <> 'plpgsql'
    union all select 'large_object', l.oid::text from (select m.oid from pg_catalog.pg_largeobject_metadata m limit 10000) l
  )
  select coalesce(jsonb_object_agg(k.kind, jsonb_build_object('count', k.count, 'names', k.names)), '{}') as found
    from (select f.kind, count(*) as count,
                 to_jsonb((array_agg(f.name order by f.name))[:case when f.kind = 'extension' then 1000 else 10 end]) as names
            from found f group by f.kind) k
) r
