-- Subscriptions of all databases of this server, and the slot each uses on its publisher.
select to_jsonb(r) from (
  select s.subname, d.datname as database, s.subenabled, s.subslotname
    from pg_catalog.pg_subscription s
    join pg_catalog.pg_database d on d.oid = s.subdbid
   order by d.datname, s.subname
) r
