//! The queries of the facts, with their SQL in `queries/`.

use crate::postgres::Query;

macro_rules! queries {
    ($($name:ident = $fact:literal { $($since:literal => $file:literal),+ })+) => {
        $(/// The query of one fact, with a variant for each major version that needs one.
        pub static $name: Query = Query {
            fact: $fact,
            variants: &[$(($since, include_str!(concat!("../../queries/", $file)))),+],
        };)+

        /// All facts.
        pub static ALL: &[&Query] = &[$(&$name),+];
    };
}

queries! {
    SERVER = "server" { 13 => "server.sql" }
    SERVER_INSTANCE = "server instance" { 13 => "server_instance.sql" }
    CONTROL = "control file" { 13 => "control.sql" }
    PROVIDER = "provider" { 13 => "provider.sql" }
    SETTINGS = "settings" { 13 => "settings.sql" }
    DATABASES = "databases" { 13 => "databases.sql" }
    SHARED_CHECKSUMS = "checksums of shared catalogs" { 13 => "shared_checksums.sql" }
    TABLESPACES = "tablespaces" { 13 => "tablespaces.sql" }
    SLOTS = "replication slots" { 13 => "slots.sql", 19 => "slots.19.sql" }
    WALSENDERS = "walsenders" { 13 => "walsenders.sql" }
    SUBSCRIPTIONS = "subscriptions" { 13 => "subscriptions.sql", 14 => "subscriptions.14.sql" }
    SUBSCRIPTION_ERRORS = "subscription errors" { 15 => "subscription_errors.15.sql", 19 => "subscription_errors.19.sql" }
    ORPHANED_ORIGINS = "orphaned replication origins" { 13 => "orphaned_origins.sql" }
    SESSIONS = "sessions" { 13 => "sessions.sql", 19 => "sessions.19.sql" }
    LOCK_WAITS = "lock waits" { 13 => "lock_waits.sql" }
    STANDBY_REPLAY = "standby replay" { 13 => "standby_replay.sql", 14 => "standby_replay.14.sql" }
    STANDBY_SOURCE = "standby source" { 13 => "standby_source.sql" }
    SEQUENCE_USE = "sequence use" { 13 => "sequence_use.sql" }
    SEQUENCE_VALUES = "sequence values" { 13 => "sequence_values.sql" }
    TRANSACTIONS = "transactions" { 13 => "transactions.sql" }
    PREPARED_TRANSACTIONS = "prepared transactions" { 13 => "prepared_transactions.sql" }
    ROLE_RIGHTS = "role rights" { 13 => "role_rights.sql" }
    SLOT_IDENTITIES = "slot identities" { 13 => "slot_identities.sql" }
    OWN_BACKEND = "own backend" { 13 => "own_backend.sql" }
    OWN_BACKENDS = "own backends" { 13 => "own_backends.sql" }
    MANAGERS = "managers" { 13 => "managers.sql" }
    DATABASE_WRITES = "database writes" { 13 => "database_writes.sql" }
    WAL_POSITION = "wal position" { 13 => "wal_position.sql" }
    WAL_DIRECTORY = "wal directory" { 13 => "wal_directory.sql" }
    WAL_STATISTICS = "wal statistics" { 14 => "wal_statistics.14.sql", 19 => "wal_statistics.19.sql" }
    MULTIXACTS = "multixact statistics" { 19 => "multixacts.19.sql" }
    WAL_SUMMARIZER = "wal summarizer" { 17 => "wal_summarizer.17.sql" }
    WAL_STATEMENTS = "wal of statements" { 13 => "wal_statements.sql" }
    WAL_BACKENDS = "wal of backends" { 18 => "wal_backends.18.sql" }
    CHECKPOINTS = "checkpoints" { 13 => "checkpoints.sql", 17 => "checkpoints.17.sql" }
    DATA_DIRECTORY = "data directory" { 13 => "data_directory.sql" }
    ARCHIVER = "archiver" { 13 => "archiver.sql" }
    ARCHIVE_STATUS = "archive status" { 13 => "archive_status.sql" }
    TEMPORARY_FILES = "temporary files" { 13 => "temporary_files.sql" }
    LOG_FILES = "log files" { 13 => "log_files.sql" }
    SLOT_SPILL = "slot spill" { 15 => "slot_spill.15.sql" }
    STATISTICS_RESETS = "statistics resets" { 13 => "statistics_resets.sql" }
    DATABASE_SIZE = "database size" { 13 => "database_size.sql" }
    SEQUENCES = "sequences" { 13 => "sequences.sql" }
    AUTOVACUUM_SCORES = "autovacuum scores" { 19 => "autovacuum_scores.19.sql" }
    LOCKED_RELATIONS = "locked relations" { 13 => "locked_relations.sql" }
    TABLES = "tables" { 13 => "tables.sql" }
    INDEXES = "indexes" { 13 => "indexes.sql" }
    INDEX_CONSTRAINTS = "index constraints" { 13 => "index_constraints.sql" }
    LAST_IDX_SCANS = "last index scans" { 16 => "index_last_scans.16.sql" }
    INDEX_RESETS = "index resets" { 19 => "index_resets.19.sql" }
    FILE_ACCESS = "file access" { 13 => "file_access.sql" }
    RELATION_FILES = "relation files" { 13 => "relation_files.sql" }
    RELATION_SIZES = "relation sizes" { 13 => "relation_sizes.sql" }
    INDEX_DEFINITIONS = "index definitions" { 13 => "index_definitions.sql" }
    INDEX_KEYS = "index keys" { 13 => "index_keys.sql" }
    OPERATOR_CLASSES = "operator classes" { 13 => "operator_classes.sql" }
    FOREIGN_KEYS = "foreign keys" { 13 => "foreign_keys.sql" }
    INDEX_DEPENDENTS = "index dependents" { 13 => "index_dependents.sql" }
    INDEX_BUILDS = "index builds" { 13 => "index_builds.sql" }
    UNCOUNTED_ROLES = "uncounted roles" { 13 => "uncounted_roles.sql" }
    TIMELINE_HISTORY = "timeline history" { 13 => "timeline_history.sql" }
    INDEX_USE = "index use" { 13 => "index_use.sql" }
    INDEX_TEXTS = "index expressions" { 13 => "index_texts.sql" }
    COLUMN_CORRELATIONS = "column correlations" { 13 => "column_correlations.sql" }
    INDEX_DDL = "index DDL" { 13 => "index_ddl.sql" }
    INDEX_COLUMNS = "index columns" { 13 => "index_columns.sql" }
    COLUMN_STATISTICS = "column statistics" { 13 => "column_statistics.sql" }
    INDEX_KEY_STATISTICS = "index key statistics" { 13 => "index_key_statistics.sql" }
    INDEX_SHAPES = "index shapes" { 13 => "index_shapes.sql" }
    TOAST_SAMPLES = "toast samples" { 13 => "toast_samples.sql" }
    COPY_OBSTACLES = "copy obstacles" { 13 => "copy_obstacles.sql" }
    POST_UPDATE = "objects of release notes" { 13 => "post_update.sql" }
    PENDING_RESTART = "pending restart" { 13 => "pending_restart.sql" }
    READ_ONLY_OVERRIDES = "read-only overrides" { 13 => "read_only_overrides.sql" }
    PGSTATTUPLE = "pgstattuple" { 13 => "pgstattuple.sql" }
    HEAP_TUPLES = "exact heap bloat" { 13 => "heap_tuples.sql" }
    BTREE_PAGES = "exact index bloat" { 13 => "btree_pages.sql" }
}
