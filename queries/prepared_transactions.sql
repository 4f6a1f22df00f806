-- Prepared transactions, which outlive their sessions and restarts.
select to_jsonb(r) from (
  select p.gid, p.database, p.owner, p.prepared, age(p.transaction) as xid_age
    from pg_catalog.pg_prepared_xacts p
   order by p.prepared, p.gid
   limit 100
) r
