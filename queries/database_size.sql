-- The size of the connected database as its directories tell it: the truth the relations must add up to.
select to_jsonb(r) from (select pg_database_size(current_database()) as bytes) r
