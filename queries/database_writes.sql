-- Rows written per database since the last reset.
select to_jsonb(r) from (
  select s.datname as database, s.tup_inserted + s.tup_updated + s.tup_deleted as rows_written
    from pg_catalog.pg_stat_database s
   where s.datname is not null
   order by s.datname
) r
