-- Every replication slot as the server keeps it: what tells a slot from a later one of the same name.
select to_jsonb(s) from pg_catalog.pg_replication_slots s order by s.slot_name
