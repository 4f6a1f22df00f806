-- All tables, partitioned tables, materialized views and foreign tables with their TOAST relations, from catalog and
-- statistics only: no size function, no lock. Shared catalogs are not part of the database and are left out.
select c.oid::int8                                                  as oid,
       n.nspname::text                                              as schema,
       c.relname::text                                              as table,
       c.relkind::text                                              as relkind,
       c.relpersistence::text                                       as relpersistence,
       case when c.relispartition then p.inhparent::int8 end        as parent_oid,
       e.extname::text                                              as extension,
       case when c.reltablespace <> 0 then
         (select s.spcname::text from pg_catalog.pg_tablespace s where s.oid = c.reltablespace)
       end                                                          as tablespace,
       (select current_setting('block_size')::int8)                 as block_size,
       c.relpages                                                   as relpages,
       c.reltuples::float8                                          as reltuples,
       c.relallvisible                                              as relallvisible,
       case when c.relfrozenxid <> '0' then age(c.relfrozenxid) end as xid_age,
       t.oid::int8                                                  as toast_oid,
       t.relpages                                                   as toast_relpages,
       t.reltuples::float8                                          as toast_reltuples,
       t.relallvisible                                              as toast_relallvisible,
       ti.oid::int8                                                 as toast_index_oid,
       ti.relpages                                                  as toast_index_relpages,
       pg_stat_get_live_tuples(c.oid)                               as live_rows,
       pg_stat_get_dead_tuples(c.oid)                               as dead_rows,
       pg_stat_get_mod_since_analyze(c.oid)                         as modified_since_analyze,
       pg_stat_get_ins_since_vacuum(c.oid)                          as inserted_since_vacuum,
       pg_stat_get_numscans(c.oid)                                  as seq_scan,
       pg_stat_get_tuples_inserted(c.oid)                           as rows_inserted,
       pg_stat_get_tuples_updated(c.oid)                            as rows_updated,
       pg_stat_get_tuples_hot_updated(c.oid)                        as rows_hot_updated,
       pg_stat_get_tuples_deleted(c.oid)                            as rows_deleted,
       pg_stat_get_last_vacuum_time(c.oid)                          as last_vacuum,
       pg_stat_get_last_autovacuum_time(c.oid)                      as last_autovacuum,
       pg_stat_get_last_analyze_time(c.oid)                         as last_analyze,
       pg_stat_get_last_autoanalyze_time(c.oid)                     as last_autoanalyze,
       case when t.oid is not null then pg_stat_get_live_tuples(t.oid) end       as toast_live_rows,
       case when t.oid is not null then pg_stat_get_dead_tuples(t.oid) end       as toast_dead_rows,
       case when t.oid is not null then pg_stat_get_ins_since_vacuum(t.oid) end  as toast_inserted_since_vacuum
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_class t on t.oid = c.reltoastrelid
  left join pg_catalog.pg_index ix on ix.indrelid = t.oid and ix.indisvalid
  left join pg_catalog.pg_class ti on ti.oid = ix.indexrelid
  left join pg_catalog.pg_inherits p on p.inhrelid = c.oid and c.relispartition
  left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
   and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e'
  left join pg_catalog.pg_extension e on e.oid = d.refobjid
 where c.relkind in ('r', 'p', 'm', 'f')
   and not c.relisshared
