-- Sessions: number of clients, sessions idle in transaction, and those with the oldest snapshot or transaction id.
select to_jsonb(r) from (
  with session as materialized (
    select a.pid, a.datname as database, a.usename as role, a.application_name, a.backend_type, a.state, a.xact_start,
           a.state_change, age(a.backend_xid) as xid_age, age(a.backend_xmin) as xmin_age, a.leader_pid
      from pg_catalog.pg_stat_activity a),
  -- VACUUM ignores the snapshots of other VACUUMs. Their parallel workers are not in the view.
  vacuum as materialized (
    select p.pid from pg_catalog.pg_stat_progress_vacuum p),
  maintenance as materialized (
    select p.pid, p.command from pg_catalog.pg_stat_progress_create_index p
    union all
    select p.pid, p.command from pg_catalog.pg_stat_progress_repack p
    union all
    select p.pid, 'ANALYZE' from pg_catalog.pg_stat_progress_analyze p),
  idle as (
    select s.*, (select count(*) from pg_catalog.pg_locks l
                  where l.pid = s.pid and l.granted and l.locktype not in ('virtualxid', 'transactionid')) as locks
      from session s
     where s.state in ('idle in transaction', 'idle in transaction (aborted)')
     order by s.state_change, s.pid
     limit 20),
  holder as (
    select s.*, 0 as locks, (select min(m.command) from maintenance m where m.pid in (s.pid, s.leader_pid)) as command
      from session s
     where s.pid <> pg_backend_pid() and coalesce(s.xid_age, s.xmin_age) is not null
       and not exists (select from vacuum v where v.pid in (s.pid, s.leader_pid))
     order by greatest(s.xid_age, s.xmin_age) desc, s.pid
     limit 5)
  select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')                                 as sees_all,
         (select count(*) from session s where s.backend_type = 'client backend')                as clients,
         coalesce((select jsonb_agg(to_jsonb(i) order by i.state_change, i.pid) from idle i), '[]') as idle_in_transaction,
         coalesce((select jsonb_agg(to_jsonb(h) order by greatest(h.xid_age, h.xmin_age) desc, h.pid)
                     from holder h), '[]')                                                       as holders
) r
