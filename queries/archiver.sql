-- Statistics of the archiver.
select to_jsonb(s) from pg_catalog.pg_stat_archiver s
