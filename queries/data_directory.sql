-- Path of the data directory on the server.
-- needs: pg_read_all_settings
select to_jsonb(r) from (select current_setting('data_directory') as data_directory) r
