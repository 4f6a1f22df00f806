-- All tablespaces: location, and size if the role may read it.
-- needs: pg_read_all_stats
select to_jsonb(r) from (
  select t.spcname                                          as tablespace,
         pg_get_userbyid(t.spcowner)                        as owner,
         nullif(pg_tablespace_location(t.oid), '')          as location,
         case when has_tablespace_privilege(t.oid, 'CREATE') or pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
                or t.oid = (select d.dattablespace from pg_catalog.pg_database d where d.datname = current_database())
              then pg_tablespace_size(t.oid) end            as bytes
    from pg_catalog.pg_tablespace t
   order by t.spcname
) r
