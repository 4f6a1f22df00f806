-- Position of the WAL summarizer; newer WAL is retained.
select to_jsonb(r) from (
  select s.summarized_lsn, s.pending_lsn, s.summarizer_pid from pg_catalog.pg_get_wal_summarizer_state() s
) r
