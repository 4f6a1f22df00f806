-- Sessions that wait for a heavyweight lock, the longest first, at most 100, and the sessions that block them.
-- needs: pg_monitor
select to_jsonb(r) from (
  with session as materialized (
    select a.pid, a.datname as database, a.usename as role, a.application_name, a.backend_type, a.state,
           a.query_start, a.state_change, a.wait_event_type
      from pg_catalog.pg_stat_activity a),
  wait_start as materialized (
    select l.pid, min((to_jsonb(l) ->> 'waitstart')::timestamptz) as waitstart
      from pg_catalog.pg_locks l
     where not l.granted
     group by l.pid),
  candidate as materialized (
    select s.pid, s.database, s.role, s.application_name, w.waitstart,
           coalesce(w.waitstart, s.query_start, s.state_change) as waiting_since
      from session s
      left join wait_start w on w.pid = s.pid
     where s.wait_event_type = 'Lock' and s.pid <> pg_backend_pid()
     order by coalesce(w.waitstart, s.query_start, s.state_change), s.pid
     limit 100),
  waiting as materialized (
    select c.*, pg_catalog.pg_blocking_pids(c.pid) as blocked_by from candidate c)
  select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_all,
         coalesce((select jsonb_agg(jsonb_build_object(
                            'pid', w.pid, 'database', w.database, 'role', w.role, 'application_name', w.application_name,
                            'waiting_since', w.waiting_since, 'is_upper_bound', w.waitstart is null,
                            'blocked_by', to_jsonb(w.blocked_by)) order by w.waiting_since, w.pid)
                     from waiting w
                    where cardinality(w.blocked_by) > 0), '[]')  as waiting,
         coalesce((select jsonb_agg(jsonb_build_object(
                            'pid', s.pid, 'database', s.database, 'role', s.role, 'application_name', s.application_name,
                            'backend_type', s.backend_type, 'state', s.state) order by s.pid)
                     from session s
                    where s.pid in (select unnest(w.blocked_by) from waiting w)), '[]') as blockers
) r
