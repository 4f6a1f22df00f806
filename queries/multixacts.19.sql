-- Multixacts in use, their members, and the bytes of the members on disk.
-- needs: pg_read_all_stats
select to_jsonb(r) from (
  select m.num_mxids as multixacts, m.num_members as members, m.members_size as members_bytes
    from pg_catalog.pg_get_multixact_stats() m
   where m.num_mxids is not null
) r
