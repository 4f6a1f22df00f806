//! The facts of a whole cluster.

use super::{Scope, ask, queries};
use crate::{
    model::{
        ArchiveStatus, Archiver, ControlFile, Database, DatabaseWrites, Fact, Files, ManagerMarks, PendingRestart,
        PreparedTransaction, ProviderMarks, ReadOnlyOverride, Server, Setting, Settings, Slot, Standby, Subscription,
        Tablespace, TimelineHistory, Transactions, WalDirectory, WalPosition, WalStatistics, WalSummarizer, Walsender,
    },
    pg::{QueryError, Session, SqlState},
};

/// What a cluster says of itself, wherever one connects.
pub struct Cluster {
    pub server: Fact<Server>,
    pub control: Fact<ControlFile>,
    pub provider: Fact<ProviderMarks>,
    pub settings: Fact<Settings>,
    pub databases: Fact<Vec<Database>>,
    pub tablespaces: Fact<Vec<Tablespace>>,
    pub slots: Fact<Vec<Slot>>,
    pub walsenders: Fact<Vec<Walsender>>,
    pub subscriptions: Fact<Vec<Subscription>>,
    pub transactions: Fact<Transactions>,
    pub prepared_transactions: Fact<Vec<PreparedTransaction>>,
    pub managers: Fact<ManagerMarks>,
    pub database_writes: Fact<Vec<DatabaseWrites>>,
    pub wal_position: Fact<WalPosition>,
    pub wal_directory: Fact<WalDirectory>,
    pub wal_statistics: Fact<WalStatistics>,
    pub wal_summarizer: Fact<WalSummarizer>,
    pub archiver: Fact<Archiver>,
    pub archive_status: Fact<ArchiveStatus>,
    pub temporary_files: Fact<Files>,
    pub log_files: Fact<Option<Files>>,
    pub slot_spill: Fact<Files>,
    pub standbys: Fact<Vec<Standby>>,
    pub timeline_history: Fact<TimelineHistory>,
    pub pending_restart: Fact<Vec<PendingRestart>>,
    pub read_only_overrides: Fact<Vec<ReadOnlyOverride>>,
}

/// Asks for them all at once: the futures are polled in order, so their questions travel together.
pub async fn look(session: &Session, scope: &Scope) -> Cluster {
    use queries::*;
    let s = session;
    let (
        server,
        control,
        provider,
        settings,
        databases,
        tablespaces,
        slots,
        walsenders,
        subscriptions,
        transactions,
        prepared_transactions,
        managers,
        database_writes,
        wal_position,
        wal_directory,
        wal_statistics,
        wal_summarizer,
        archiver,
        archive_status,
        temporary_files,
        log_files,
        slot_spill,
        standbys,
        timeline_history,
        pending_restart,
        read_only_overrides,
    ) = tokio::join!(biased;
        ask::one(s, &SERVER),
        ask::one(s, &CONTROL),
        ask::one(s, &PROVIDER),
        ask::many::<Setting>(s, &SETTINGS),
        ask::when(scope.databases, &DATABASES, ask::many(s, &DATABASES)),
        ask::when(scope.storage, &TABLESPACES, ask::many(s, &TABLESPACES)),
        ask::when(scope.slots, &SLOTS, ask::many(s, &SLOTS)),
        ask::when(scope.slots, &WALSENDERS, ask::many(s, &WALSENDERS)),
        ask::when(scope.slots, &SUBSCRIPTIONS, ask::many(s, &SUBSCRIPTIONS)),
        ask::when(scope.slots, &TRANSACTIONS, ask::one(s, &TRANSACTIONS)),
        ask::when(scope.slots, &PREPARED_TRANSACTIONS, ask::many(s, &PREPARED_TRANSACTIONS)),
        ask::when(scope.slots, &MANAGERS, ask::one(s, &MANAGERS)),
        ask::when(scope.slots, &DATABASE_WRITES, ask::many(s, &DATABASE_WRITES)),
        ask::when(scope.slots, &WAL_POSITION, ask::one(s, &WAL_POSITION)),
        ask::when(scope.wal, &WAL_DIRECTORY, ask::one(s, &WAL_DIRECTORY)),
        ask::when(scope.wal, &WAL_STATISTICS, ask::one(s, &WAL_STATISTICS)),
        ask::when(scope.slots, &WAL_SUMMARIZER, ask::one(s, &WAL_SUMMARIZER)),
        ask::when(scope.wal, &ARCHIVER, ask::one(s, &ARCHIVER)),
        ask::when(scope.slots, &ARCHIVE_STATUS, ask::one(s, &ARCHIVE_STATUS)),
        ask::when(scope.storage, &TEMPORARY_FILES, ask::one(s, &TEMPORARY_FILES)),
        ask::when(scope.storage, &LOG_FILES, log_files(s)),
        ask::when(scope.storage, &SLOT_SPILL, ask::one(s, &SLOT_SPILL)),
        ask::when(scope.judge, &STANDBYS, ask::many(s, &STANDBYS)),
        ask::when(scope.judge, &TIMELINE_HISTORY, ask::one(s, &TIMELINE_HISTORY)),
        ask::when(scope.arrival, &PENDING_RESTART, ask::many(s, &PENDING_RESTART)),
        ask::when(scope.arrival, &READ_ONLY_OVERRIDES, ask::many(s, &READ_ONLY_OVERRIDES)),
    );
    Cluster {
        server,
        control,
        provider,
        settings: settings.map(Settings),
        databases,
        tablespaces,
        slots,
        walsenders,
        subscriptions,
        transactions,
        prepared_transactions,
        managers,
        database_writes,
        wal_position,
        wal_directory,
        wal_statistics,
        wal_summarizer,
        archiver,
        archive_status,
        temporary_files,
        log_files,
        slot_spill,
        standbys,
        timeline_history,
        pending_restart,
        read_only_overrides,
    }
}

/// A log directory that does not exist is no gap: the server logs elsewhere.
async fn log_files(session: &Session) -> Fact<Option<Files>> {
    let query = &queries::LOG_FILES;
    match session.read(query, None, |row| row.try_get::<_, crate::pg::Json<Files>>(0)).await {
        Ok(rows) => Fact::Known(rows.into_iter().next().map(|json| json.0)),
        Err(QueryError::Refused { sqlstate: SqlState::UNDEFINED_FILE, .. }) => Fact::Known(None),
        Err(error) => Fact::Unavailable(ask::unavailable(session, query, &error)),
    }
}
