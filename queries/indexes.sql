-- All indexes of the database's tables, from catalog and statistics only: no size function, no lock.
with withdrawn as materialized (
  select o.oid, o.opcintype as type from pg_catalog.pg_opclass o
   where o.opcintype in ('pg_catalog.bpchar'::regtype, 'pg_catalog.oidvector'::regtype)
)
select c.oid::int8                                                  as oid,
       i.indrelid::int8                                             as table_oid,
       c.relname::text                                              as index,
       c.relkind::text                                              as relkind,
       case when c.relispartition then p.inhparent::int8 end        as parent_oid,
       am.amname::text                                              as method,
       case when c.reltablespace <> 0 then
         (select s.spcname::text from pg_catalog.pg_tablespace s where s.oid = c.reltablespace)
       end                                                          as tablespace,
       (select current_setting('block_size')::int8)                 as block_size,
       c.relpages                                                   as relpages,
       c.reltuples::float8                                          as reltuples,
       i.indisunique                                                as is_unique,
       i.indisprimary                                               as is_primary,
       i.indisexclusion                                             as is_exclusion,
       i.indimmediate                                               as is_immediate,
       i.indisvalid                                                 as is_valid,
       i.indisready                                                 as is_ready,
       i.indislive                                                  as is_live,
       i.indisreplident                                             as is_replica_identity,
       i.indisclustered                                             as is_clustered,
       i.indpred is not null                                        as is_partial,
       i.indexprs is not null                                       as is_expression,
       i.indnkeyatts::int4                                          as key_columns_count,
       i.indkey::int2[]                                             as column_numbers,
       -- Keys of these types were deduplicated before the minor releases of November 2026 and 19, if all columns are keys,
       -- the other types allow it (support function 4), and collations are deterministic.
       case when (coalesce(first.oid, second.oid, third.oid) is not null
                  or i.indnkeyatts > 3 and i.indclass::oid[] && (select array_agg(w.oid) from withdrawn w))
             and am.amname = 'btree' and i.indnatts = i.indnkeyatts
             and not exists (select from unnest(i.indclass::oid[]) k(class)
                               join pg_catalog.pg_opclass o on o.oid = k.class
                              where k.class <> all (select w.oid from withdrawn w)
                                and not exists (select from pg_catalog.pg_amproc f
                                                 where f.amprocfamily = o.opcfamily and f.amproclefttype = o.opcintype
                                                   and f.amprocrighttype = o.opcintype and f.amprocnum = 4))
             and not exists (select from pg_catalog.pg_collation l
                              where l.oid = any (i.indcollation::oid[]) and not l.collisdeterministic)
            then case when exists (select from withdrawn w
                                    where w.type = 'pg_catalog.bpchar'::regtype and w.oid = any (i.indclass::oid[]))
                      then 'bpchar' else 'oidvector' end
       end                                                          as withdrawn_type,
       pg_stat_get_numscans(c.oid)                                  as idx_scan,
       pg_stat_get_tuples_returned(c.oid)                           as idx_tup_read,
       pg_stat_get_tuples_fetched(c.oid)                            as idx_tup_fetch
  from pg_catalog.pg_class c
  join pg_catalog.pg_index i on i.indexrelid = c.oid
  join pg_catalog.pg_am am on am.oid = c.relam
  -- Three joins are faster than a search in each array.
  left join withdrawn first on first.oid = i.indclass[0]
  left join withdrawn second on second.oid = i.indclass[1]
  left join withdrawn third on third.oid = i.indclass[2]
  left join pg_catalog.pg_inherits p on p.inhrelid = c.oid and c.relispartition
 where c.relkind in ('i', 'I')
   and not c.relisshared
   -- TOAST relations include their indexes. With an array instead of IN, the planner would expect very few rows.
   and c.relnamespace not in (select n.oid from pg_catalog.pg_namespace n where n.nspname ~ '^pg_toast')
