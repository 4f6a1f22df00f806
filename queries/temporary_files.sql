-- Temporary files of running queries, in all tablespaces.
-- needs: pg_monitor
select to_jsonb(r) from (
  select count(f.size) as files, coalesce(sum(f.size), 0)::int8 as bytes
    from pg_catalog.pg_tablespace t, pg_ls_tmpdir(t.oid) f
   where t.spcname <> 'pg_global'
) r
