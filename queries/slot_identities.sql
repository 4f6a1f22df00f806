-- All replication slots with the columns that distinguish a slot from a later one of the same name.
select to_jsonb(s) from pg_catalog.pg_replication_slots s order by s.slot_name
