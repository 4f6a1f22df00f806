//! The facts of a whole cluster.

use super::{InspectError, Scope, ask, queries};
use crate::{
    model::{Fact, Files, PrintedConnection, SCHEMA_VERSION, SNAPSHOT, Server, Setting, Settings, Snapshot},
    pg::{QueryError, Session, SqlState},
};
use serde::Deserialize;
use std::path::PathBuf;

/// `data_directory`.
#[derive(Debug, Deserialize)]
pub struct DataDirectory {
    pub data_directory: PathBuf,
}

/// Asks for what a cluster says of itself wherever one connects. Answers a snapshot without the contents of databases,
/// and where the files lie, if that is of use.
pub async fn look(s: &Session, scope: &Scope) -> Result<(Snapshot, Fact<DataDirectory>), InspectError> {
    use queries::*;
    ask::together! {
        server = ask::one(s, &SERVER);
        control = ask::one(s, &CONTROL);
        instance = ask::when(scope.instance, &SERVER_INSTANCE, ask::one(s, &SERVER_INSTANCE));
        provider = ask::one(s, &PROVIDER);
        settings = ask::many::<Setting>(s, &SETTINGS);
        databases = ask::when(scope.databases || scope.reach.may_be_several(), &DATABASES, ask::many(s, &DATABASES));
        shared_checksums = ask::when(scope.health, &SHARED_CHECKSUMS, ask::one(s, &SHARED_CHECKSUMS));
        tablespaces = ask::when(scope.tablespaces, &TABLESPACES, ask::many(s, &TABLESPACES));
        slots = ask::when(scope.slots || scope.judge, &SLOTS, ask::many(s, &SLOTS));
        walsenders = ask::when(scope.slots || scope.judge, &WALSENDERS, ask::many(s, &WALSENDERS));
        subscriptions = ask::when(scope.slots, &SUBSCRIPTIONS, ask::many(s, &SUBSCRIPTIONS));
        subscription_errors = ask::when(scope.health, &SUBSCRIPTION_ERRORS, ask::many(s, &SUBSCRIPTION_ERRORS));
        orphaned_origins = ask::when(scope.health, &ORPHANED_ORIGINS, ask::many(s, &ORPHANED_ORIGINS));
        sessions = ask::when(scope.health, &SESSIONS, ask::one(s, &SESSIONS));
        standby_replay = ask::when(scope.health, &STANDBY_REPLAY, ask::one(s, &STANDBY_REPLAY));
        transactions = ask::when(scope.slots, &TRANSACTIONS, ask::one(s, &TRANSACTIONS));
        prepared_transactions = ask::when(scope.slots, &PREPARED_TRANSACTIONS, ask::many(s, &PREPARED_TRANSACTIONS));
        managers = ask::when(scope.slots, &MANAGERS, ask::one(s, &MANAGERS));
        rights = ask::when(scope.slots, &ROLE_RIGHTS, ask::one(s, &ROLE_RIGHTS));
        database_writes = ask::when(scope.slots, &DATABASE_WRITES, ask::many(s, &DATABASE_WRITES));
        wal_position = ask::when(scope.slots, &WAL_POSITION, ask::one(s, &WAL_POSITION));
        wal_directory = ask::when(scope.wal, &WAL_DIRECTORY, ask::one(s, &WAL_DIRECTORY));
        wal_statistics = ask::when(scope.wal, &WAL_STATISTICS, ask::one(s, &WAL_STATISTICS));
        wal_summarizer = ask::when(scope.slots, &WAL_SUMMARIZER, ask::one(s, &WAL_SUMMARIZER));
        wal_statements = ask::when(scope.wal, &WAL_STATEMENTS, ask::one(s, &WAL_STATEMENTS));
        wal_backends = ask::when(scope.wal, &WAL_BACKENDS, ask::many(s, &WAL_BACKENDS));
        checkpoints = ask::when(scope.wal, &CHECKPOINTS, ask::one(s, &CHECKPOINTS));
        data_directory = ask::when(scope.wal && s.endpoint().is_on_this_machine(), &DATA_DIRECTORY, ask::one(s, &DATA_DIRECTORY));
        archiver = ask::when(scope.wal, &ARCHIVER, ask::one(s, &ARCHIVER));
        archive_status = ask::when(scope.slots, &ARCHIVE_STATUS, ask::one(s, &ARCHIVE_STATUS));
        temporary_files = ask::when(scope.storage, &TEMPORARY_FILES, ask::one(s, &TEMPORARY_FILES));
        log_files = ask::when(scope.storage, &LOG_FILES, log_files(s));
        slot_spill = ask::when(scope.storage, &SLOT_SPILL, ask::one(s, &SLOT_SPILL));
        timeline_history = ask::when(scope.judge, &TIMELINE_HISTORY, ask::one(s, &TIMELINE_HISTORY));
        pending_restart = ask::when(scope.arrival || scope.health, &PENDING_RESTART, ask::many(s, &PENDING_RESTART));
        read_only_overrides = ask::when(scope.arrival, &READ_ONLY_OVERRIDES, ask::many(s, &READ_ONLY_OVERRIDES));
    }
    let server: Server = match server {
        Fact::Known(server) => server,
        Fact::Unavailable(why) => return Err(InspectError::NoIdentity(why.reason)),
    };
    let snapshot = Snapshot {
        schema_version: SCHEMA_VERSION,
        command: SNAPSHOT.to_owned(),
        pgtend_version: env!("CARGO_PKG_VERSION").to_owned(),
        address: s.endpoint().beyond_this_machine(),
        collected_at: server.asked_at,
        disk: Fact::default(),
        server,
        connection: PrintedConnection::default(),
        instance,
        settings: settings.map(Settings),
        control,
        provider,
        databases,
        shared_checksums,
        tablespaces,
        slots,
        walsenders,
        subscriptions,
        subscription_errors,
        orphaned_origins,
        sessions,
        standby_replay,
        transactions,
        prepared_transactions,
        managers,
        rights,
        database_writes,
        wal_position,
        wal_directory,
        wal_statistics,
        wal_summarizer,
        wal_statements,
        wal_backends,
        checkpoints,
        archiver,
        archive_status,
        temporary_files,
        log_files,
        slot_spill,
        timeline_history,
        pending_restart,
        read_only_overrides,
        wal_position_later: None,
        replicas: Vec::new(),
        contents: Vec::new(),
        skipped: Vec::new(),
    };
    Ok((snapshot, data_directory))
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
