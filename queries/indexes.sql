-- All indexes of the database's tables, from catalog and statistics only: no size function, no lock.
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
       pg_stat_get_numscans(c.oid)                                  as idx_scan,
       pg_stat_get_tuples_returned(c.oid)                           as idx_tup_read,
       pg_stat_get_tuples_fetched(c.oid)                            as idx_tup_fetch
  from pg_catalog.pg_class c
  join pg_catalog.pg_index i on i.indexrelid = c.oid
  join pg_catalog.pg_am am on am.oid = c.relam
  left join pg_catalog.pg_inherits p on p.inhrelid = c.oid and c.relispartition
 where c.relkind in ('i', 'I')
   and not c.relisshared
   -- TOAST relations include their indexes. With an array instead of IN, the planner would expect very few rows.
   and c.relnamespace not in (select n.oid from pg_catalog.pg_namespace n where n.nspname ~ '^pg_toast')
