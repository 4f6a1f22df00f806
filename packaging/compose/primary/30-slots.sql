-- A slot for the standby, and a logical slot of a retired pipeline that retains 100 MB of WAL.
select pg_create_physical_replication_slot('standby');
select pg_create_logical_replication_slot('cdc_retired', 'pgoutput');
select count(pg_logical_emit_message(false, 'filler', repeat('x', 1000000))) from generate_series(1, 100);
checkpoint;
