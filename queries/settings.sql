-- Settings for WAL, slots, connections and statistics. Settings that the role may not see are missing.
select to_jsonb(r) from (
  select s.name, s.setting, s.unit, s.source, s.pending_restart
    from pg_catalog.pg_settings s
   where s.name in (
           'archive_command', 'archive_library', 'archive_mode', 'archive_timeout', 'autovacuum',
           'autovacuum_freeze_max_age', 'autovacuum_multixact_freeze_max_age', 'autovacuum_vacuum_scale_factor',
           'autovacuum_vacuum_threshold', 'checkpoint_completion_target', 'checkpoint_timeout', 'data_checksums',
           'effective_wal_level', 'fsync', 'full_page_writes', 'hot_standby_feedback', 'idle_replication_slot_timeout',
           'ignore_checksum_failure', 'log_directory', 'logging_collector', 'max_connections',
           'max_logical_replication_workers', 'max_prepared_transactions', 'max_repack_replication_slots',
           'max_replication_slots', 'max_slot_wal_keep_size', 'max_wal_senders', 'max_wal_size',
           'max_worker_processes', 'min_wal_size', 'output_plugin_libraries', 'recovery_min_apply_delay',
           'reserved_connections', 'summarize_wal', 'superuser_reserved_connections', 'synchronized_standby_slots',
           'temp_file_limit', 'track_counts', 'wal_compression', 'wal_keep_size', 'wal_level', 'wal_recycle',
           'wal_segment_size', 'zero_damaged_pages')
   order by s.name
) r
