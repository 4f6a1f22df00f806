-- All databases: size if the role may read it, connections, age of the oldest transaction id.
-- needs: pg_read_all_stats
select to_jsonb(r) from (
  select d.datname                                          as database,
         pg_get_userbyid(d.datdba)                          as owner,
         t.spcname                                          as tablespace,
         pg_encoding_to_char(d.encoding)                    as encoding,
         d.datallowconn                                     as allows_connections,
         d.datistemplate                                    as is_template,
         has_database_privilege(d.oid, 'CONNECT')           as may_connect,
         case when has_database_privilege(d.oid, 'CONNECT') or pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
              then pg_database_size(d.oid) end              as bytes,
         s.numbackends                                      as connections,
         age(d.datfrozenxid)                                as xid_age,
         mxid_age(d.datminmxid)                             as multixact_age,
         s.temp_bytes                                       as temp_bytes_written,
         s.stats_reset                                      as stats_reset,
         s.checksum_failures                                as checksum_failures,
         s.checksum_last_failure                            as checksum_last_failure
    from pg_catalog.pg_database d
    left join pg_catalog.pg_tablespace t on t.oid = d.dattablespace
    left join pg_catalog.pg_stat_database s on s.datid = d.oid
   order by d.datname
) r
