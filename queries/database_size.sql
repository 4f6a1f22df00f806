-- Size of the connected database from its directories. The sizes of its relations must add up to it.
select to_jsonb(r) from (select pg_database_size(current_database()) as bytes) r
