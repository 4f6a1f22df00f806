//! The facts of a whole cluster.

use super::{CollectError, Scope, fetch, queries};
use crate::facts::{
    Fact, FactGroup, Files, Multixacts, SCHEMA_VERSION, SNAPSHOT_COMMAND, Server, Setting, Settings, Snapshot,
    Unavailable,
};
use crate::postgres::{QueryError, Session, SqlState};
use crate::quote::{PrintedConnection, grant};
use serde::Deserialize;
use std::path::PathBuf;

/// `data_directory`.
#[derive(Debug, Deserialize)]
pub struct DataDirectory {
    pub data_directory: PathBuf,
}

/// Reads the facts that are the same in every database. Returns a snapshot without database snapshots, and the data
/// directory if it is needed.
pub async fn collect_cluster(s: &Session, scope: &Scope) -> Result<(Snapshot, Fact<DataDirectory>), CollectError> {
    use FactGroup::*;
    use queries::*;
    let wants = |group| scope.facts.contains(group);
    fetch::join_facts! {
        server = fetch::json_row(s, &SERVER);
        control = fetch::json_row(s, &CONTROL);
        instance = fetch::fact_if(wants(Instance), &SERVER_INSTANCE, fetch::json_row(s, &SERVER_INSTANCE));
        provider = fetch::json_row(s, &PROVIDER);
        settings = fetch::json_rows::<Setting>(s, &SETTINGS);
        databases = fetch::fact_if(wants(Databases) || scope.database_selection.may_select_several(), &DATABASES, fetch::json_rows(s, &DATABASES));
        shared_checksums = fetch::fact_if(wants(Health), &SHARED_CHECKSUMS, fetch::json_row(s, &SHARED_CHECKSUMS));
        tablespaces = fetch::fact_if(wants(Tablespaces), &TABLESPACES, fetch::json_rows(s, &TABLESPACES));
        slots = fetch::fact_if(wants(Slots) || wants(IndexFacts), &SLOTS, fetch::json_rows(s, &SLOTS));
        walsenders = fetch::fact_if(wants(Slots) || wants(IndexFacts), &WALSENDERS, fetch::json_rows(s, &WALSENDERS));
        subscriptions = fetch::fact_if(wants(Slots), &SUBSCRIPTIONS, fetch::json_rows(s, &SUBSCRIPTIONS));
        subscription_errors = fetch::fact_if(wants(Health), &SUBSCRIPTION_ERRORS, fetch::json_rows(s, &SUBSCRIPTION_ERRORS));
        orphaned_origins = fetch::fact_if(wants(Health), &ORPHANED_ORIGINS, fetch::json_rows(s, &ORPHANED_ORIGINS));
        sessions = fetch::fact_if(wants(Health), &SESSIONS, fetch::json_row(s, &SESSIONS));
        lock_waits = fetch::fact_if(wants(Health), &LOCK_WAITS, fetch::json_row(s, &LOCK_WAITS));
        standby_replay = fetch::fact_if(wants(Health), &STANDBY_REPLAY, fetch::json_row(s, &STANDBY_REPLAY));
        transactions = fetch::fact_if(wants(Slots), &TRANSACTIONS, fetch::json_row(s, &TRANSACTIONS));
        prepared_transactions = fetch::fact_if(wants(Slots), &PREPARED_TRANSACTIONS, fetch::json_rows(s, &PREPARED_TRANSACTIONS));
        multixacts = fetch::fact_if(wants(Storage), &MULTIXACTS, fetch::json_rows(s, &MULTIXACTS));
        managers = fetch::fact_if(wants(Slots), &MANAGERS, fetch::json_row(s, &MANAGERS));
        rights = fetch::fact_if(wants(Slots), &ROLE_RIGHTS, fetch::json_row(s, &ROLE_RIGHTS));
        database_writes = fetch::fact_if(wants(Slots), &DATABASE_WRITES, fetch::json_rows(s, &DATABASE_WRITES));
        wal_position = fetch::fact_if(wants(Slots), &WAL_POSITION, fetch::json_row(s, &WAL_POSITION));
        wal_directory = fetch::fact_if(wants(Wal), &WAL_DIRECTORY, fetch::json_row(s, &WAL_DIRECTORY));
        wal_statistics = fetch::fact_if(wants(Wal), &WAL_STATISTICS, fetch::json_row(s, &WAL_STATISTICS));
        wal_summarizer = fetch::fact_if(wants(Slots), &WAL_SUMMARIZER, fetch::json_row(s, &WAL_SUMMARIZER));
        wal_statements = fetch::fact_if(wants(Wal), &WAL_STATEMENTS, fetch::json_row(s, &WAL_STATEMENTS));
        wal_backends = fetch::fact_if(wants(Wal), &WAL_BACKENDS, fetch::json_rows(s, &WAL_BACKENDS));
        checkpoints = fetch::fact_if(wants(Wal), &CHECKPOINTS, fetch::json_row(s, &CHECKPOINTS));
        data_directory = fetch::fact_if(wants(Wal) && s.endpoint().is_local(), &DATA_DIRECTORY, fetch::json_row(s, &DATA_DIRECTORY));
        archiver = fetch::fact_if(wants(Wal), &ARCHIVER, fetch::json_row(s, &ARCHIVER));
        archive_status = fetch::fact_if(wants(Slots), &ARCHIVE_STATUS, fetch::json_row(s, &ARCHIVE_STATUS));
        temporary_files = fetch::fact_if(wants(Storage), &TEMPORARY_FILES, fetch::json_row(s, &TEMPORARY_FILES));
        log_files = fetch::fact_if(wants(Storage), &LOG_FILES, fetch_log_files(s));
        slot_spill = fetch::fact_if(wants(Storage), &SLOT_SPILL, fetch::json_row(s, &SLOT_SPILL));
        timeline_history = fetch::fact_if(wants(IndexFacts), &TIMELINE_HISTORY, fetch::json_row(s, &TIMELINE_HISTORY));
        pending_restart = fetch::fact_if(wants(CopySize) || wants(Health), &PENDING_RESTART, fetch::json_rows(s, &PENDING_RESTART));
        read_only_overrides = fetch::fact_if(wants(CopySize), &READ_ONLY_OVERRIDES, fetch::json_rows(s, &READ_ONLY_OVERRIDES));
    }
    let server: Server = match server {
        Fact::Known(server) => server,
        Fact::Unavailable(why) => return Err(CollectError::NoIdentity(why.reason)),
    };
    let role = server.role.clone();
    let snapshot = Snapshot {
        schema_version: SCHEMA_VERSION,
        command: SNAPSHOT_COMMAND.to_owned(),
        pgtend_version: env!("CARGO_PKG_VERSION").to_owned(),
        address: s.endpoint().remote_address(),
        collected_at: server.requested_at,
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
        lock_waits,
        standby_replay,
        transactions,
        prepared_transactions,
        multixacts: multixacts_or_hidden(multixacts, &role),
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
        database_snapshots: Vec::new(),
        skipped: Vec::new(),
    };
    Ok((snapshot, data_directory))
}

/// Returns the only row; without one, the statistics are hidden from the role.
fn multixacts_or_hidden(rows: Fact<Vec<Multixacts>>, role: &str) -> Fact<Multixacts> {
    match rows {
        Fact::Known(rows) => rows.first().map_or_else(
            || {
                let why = Unavailable::new(queries::MULTIXACTS.fact, "hidden from this role");
                Fact::Unavailable(why.with_hint(Some(grant("pg_read_all_stats", role))))
            },
            |row| Fact::Known(*row),
        ),
        Fact::Unavailable(why) => Fact::Unavailable(why),
    }
}

/// A missing log directory is not a gap: the server does not write log files itself.
async fn fetch_log_files(session: &Session) -> Fact<Option<Files>> {
    let query = &queries::LOG_FILES;
    match session.read(query, None, |row| row.try_get::<_, crate::postgres::Json<Files>>(0)).await {
        Ok(rows) => Fact::Known(rows.into_iter().next().map(|json| json.0)),
        Err(QueryError::Refused { sqlstate: SqlState::UNDEFINED_FILE, .. }) => Fact::Known(None),
        Err(error) => Fact::Unavailable(fetch::unavailable_fact(session, query, &error)),
    }
}
