-- Number of sequences in the database; each is one block.
select to_jsonb(r) from (
  select count(*) as count, count(*) * current_setting('block_size')::int8 as bytes
    from pg_catalog.pg_sequence
) r
