-- A slot for the standby, and the logical slot of a pipeline that nobody runs any more, with 100 MB of WAL behind it.
select pg_create_physical_replication_slot('standby');
select pg_create_logical_replication_slot('cdc_retired', 'pgoutput');
select count(pg_logical_emit_message(false, 'filler', repeat('x', 1000000))) from generate_series(1, 100);
checkpoint;
