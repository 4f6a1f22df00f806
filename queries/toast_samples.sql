-- Chunks on a few evenly distributed blocks of the TOAST relations of the given tables. Relations with a held or
-- awaited ACCESS EXCLUSIVE lock are left out, and so are those whose rows the role may not read. TOAST relations are
-- read by name: only the server creates relations in their schemas, and they have no policies, rules or triggers.
with locked as materialized (
  select l.relation from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
), place as materialized (
  select c.oid, t.oid as toast_oid, n.nspname, t.relname, pg_relation_size(t.oid) / b.block as blocks
    from unnest($1::int8[]) a(oid)
    join pg_catalog.pg_class c on c.oid = a.oid::oid
    join pg_catalog.pg_class t on t.oid = c.reltoastrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
   cross join (select current_setting('block_size')::int8 as block) b
   where not exists (select from locked l where l.relation in (c.oid, t.oid))
     and t.relkind = 't' and (n.nspname = 'pg_toast' or n.nspname like 'pg\_toast\_temp\_%')
     and has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(t.oid, 'SELECT')
)
select p.oid::int8                                                          as oid,
       p.blocks                                                             as blocks,
       least(p.blocks, 100)                                                 as sampled_blocks,
       coalesce(string_to_array(substring(r.found from '<lengths>([0-9,]+)<'), ',')::int4[], '{}') as lengths
  from place p
 cross join lateral (
       select query_to_xml(format('
         select pg_catalog.string_agg(pg_catalog.octet_length(x.chunk_data)::text, '','' order by x.chunk_id, x.chunk_seq)
                  as lengths
           from %I.%I x
          where x.ctid = any (array(
                select pg_catalog.format(''(%%s,%%s)'', k.block, o.place)::pg_catalog.tid
                  from (select distinct g.i::int8 * %s / least(%s, 100) as block
                          from pg_catalog.generate_series(0, least(%s, 100) - 1) g(i)) k
                 cross join pg_catalog.generate_series(1, 64) o(place)))',
         p.nspname, p.relname, p.blocks, p.blocks, p.blocks), false, false, '')::text
       offset 0
  ) r(found)
