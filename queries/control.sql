-- Control file: system identifier, timeline, redo position of the last checkpoint.
select to_jsonb(r) from (
  select s.system_identifier::text  as system_identifier,
         c.timeline_id              as timeline_id,
         c.redo_lsn                 as redo_lsn,
         c.checkpoint_lsn           as checkpoint_lsn,
         c.checkpoint_time          as checkpoint_time
    from pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c
) r
