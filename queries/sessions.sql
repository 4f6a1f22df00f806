-- Sessions: number of clients, sessions idle in transaction, and those with the oldest snapshot or transaction id.
select to_jsonb(r) from (
  with session as materialized (
    select a.pid, a.datname as database, a.usename as role, a.application_name, a.backend_type, a.state, a.xact_start,
           a.state_change, age(a.backend_xid) as xid_age, age(a.backend_xmin) as xmin_age
      from pg_catalog.pg_stat_activity a),
  idle as (
    select s.*, (select count(*) from pg_catalog.pg_locks l
                  where l.pid = s.pid and l.granted and l.locktype not in ('virtualxid', 'transactionid')) as locks
      from session s
     where s.state in ('idle in transaction', 'idle in transaction (aborted)')
     order by s.state_change, s.pid
     limit 20),
  holder as (
    select s.*, 0 as locks
      from session s
     where s.pid <> pg_backend_pid() and s.backend_type is distinct from 'autovacuum worker'
       and coalesce(s.xid_age, s.xmin_age) is not null
     order by greatest(s.xid_age, s.xmin_age) desc, s.pid
     limit 5)
  select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')                                 as sees_all,
         (select count(*) from session s where s.backend_type = 'client backend')                as clients,
         coalesce((select jsonb_agg(to_jsonb(i) order by i.state_change, i.pid) from idle i), '[]') as idle_in_transaction,
         coalesce((select jsonb_agg(to_jsonb(h) order by greatest(h.xid_age, h.xmin_age) desc, h.pid)
                     from holder h), '[]')                                                       as holders
) r
