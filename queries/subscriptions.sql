-- Subscriptions of all databases of this server, their slots on the publisher, and whether their workers run. On 13,
-- not every role may read their OIDs: if two databases have subscriptions of the same name, a worker of either counts.
select to_jsonb(r) from (
  select s.subname, d.datname as database, s.subenabled, s.subslotname,
         w.pid is not null as has_worker, w.last_msg_receipt_time as last_message_at
    from pg_catalog.pg_subscription s
    join pg_catalog.pg_database d on d.oid = s.subdbid
    left join lateral (
         select p.pid, p.last_msg_receipt_time
           from pg_catalog.pg_stat_subscription p
          where p.subname = s.subname and p.relid is null and p.pid is not null
          order by p.last_msg_receipt_time desc nulls last
          limit 1) w on true
   order by d.datname, s.subname
) r
