-- The newest timeline history file, which is written when the server is promoted or restored.
-- needs: pg_monitor
select to_jsonb(r) from (
  select max(f.name) as file_name,
         (array_agg(f.modification order by f.name desc))[1] as modified_at
    from pg_ls_waldir() f
   where f.name ~ '^[0-9A-F]{8}\.history$'
) r
