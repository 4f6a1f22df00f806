//! The snapshot of one cluster.

use super::*;
use crate::quote::{PrintedConnection, grant};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the layout of snapshot files and reports; a file with a higher version is refused.
pub const SCHEMA_VERSION: u32 = 1;

/// The `command` of a snapshot file.
pub const SNAPSHOT_COMMAND: &str = "snapshot";

/// The facts of one cluster. A fact that the report does not need is [`Fact::not_requested`].
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    #[schemars(range(max = SCHEMA_VERSION))]
    pub schema_version: u32,
    /// Always `snapshot`: distinguishes the file from a report.
    #[schemars(extend("const" = SNAPSHOT_COMMAND))]
    pub command: String,
    /// Version of the program that wrote it.
    pub pgtend_version: String,
    /// Time of the snapshot, by the server's clock.
    pub collected_at: Timestamp,
    /// Address of the server, which distinguishes snapshots of several hosts: host and port, or host, folder and port of
    /// a socket. `None` for loopback addresses, which may be tunnels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The server and the connected role.
    pub server: Server,
    /// Connection options of printed commands. Not written to files: the reader of a file may need others.
    #[serde(skip)]
    pub connection: PrintedConnection,
    /// Server instance, collected for plans only. Not written to files: a plan from a file is never executed.
    #[serde(skip, default = "instance_not_asked")]
    pub instance: Fact<ServerInstance>,
    /// The control file (`pg_control_system`, `pg_control_checkpoint`).
    #[serde(default)]
    pub control: Fact<ControlFile>,
    /// Traces of a managed service.
    #[serde(default)]
    pub provider: Fact<ProviderMarks>,
    /// `pg_settings`, as far as the role can see it.
    #[serde(default)]
    pub settings: Fact<Settings>,
    /// `pg_database`, with `pg_stat_database`.
    #[serde(default)]
    pub databases: Fact<Vec<Database>>,
    /// Checksum failures of the shared catalogs.
    #[serde(default)]
    pub shared_checksums: Fact<SharedChecksums>,
    /// `pg_tablespace`, with sizes.
    #[serde(default)]
    pub tablespaces: Fact<Vec<Tablespace>>,
    /// `pg_replication_slots`.
    #[serde(default)]
    pub slots: Fact<Vec<Slot>>,
    /// `pg_stat_replication`.
    #[serde(default)]
    pub walsenders: Fact<Vec<Walsender>>,
    /// `pg_subscription`, of all databases.
    #[serde(default)]
    pub subscriptions: Fact<Vec<Subscription>>,
    /// `pg_stat_subscription_stats`; 15 and newer.
    #[serde(default)]
    pub subscription_errors: Fact<Vec<SubscriptionErrors>>,
    /// Rows of `pg_replication_origin` that no subscription uses.
    #[serde(default)]
    pub orphaned_origins: Fact<Vec<OrphanedOrigin>>,
    /// Sessions that keep a transaction open (`pg_stat_activity`).
    #[serde(default)]
    pub sessions: Fact<Sessions>,
    /// Sessions that wait for locks, and those that block them.
    #[serde(default)]
    pub lock_waits: Fact<LockWaits>,
    /// Positions and times of replay on a standby.
    #[serde(default)]
    pub standby_replay: Fact<StandbyReplay>,
    /// Open transactions that have a transaction id (`pg_stat_activity`).
    #[serde(default)]
    pub transactions: Fact<Transactions>,
    /// Multixacts in use; 19 and newer.
    #[serde(default)]
    pub multixacts: Fact<Multixacts>,
    /// `pg_prepared_xacts`.
    #[serde(default)]
    pub prepared_transactions: Fact<Vec<PreparedTransaction>>,
    /// Traces of programs that manage standbys and their slots.
    #[serde(default)]
    pub managers: Fact<ManagerMarks>,
    /// Rights of the role.
    #[serde(default)]
    pub rights: Fact<RoleRights>,
    /// Rows written per database (`pg_stat_database`).
    #[serde(default)]
    pub database_writes: Fact<Vec<DatabaseWrites>>,
    /// The current position of WAL.
    #[serde(default)]
    pub wal_position: Fact<WalPosition>,
    /// The position some seconds later, if a rate was requested.
    #[serde(default)]
    pub wal_position_later: Option<WalPosition>,
    /// The files of `pg_wal` (`pg_ls_waldir`).
    #[serde(default)]
    pub wal_directory: Fact<WalDirectory>,
    /// `pg_stat_wal`; 14 and newer.
    #[serde(default)]
    pub wal_statistics: Fact<WalStatistics>,
    /// `pg_get_wal_summarizer_state()`; 17 and newer.
    #[serde(default)]
    pub wal_summarizer: Fact<WalSummarizer>,
    /// Statements that wrote WAL (`pg_stat_statements`).
    #[serde(default)]
    pub wal_statements: Fact<WalStatements>,
    /// WAL written per process (`pg_stat_get_backend_wal`); 18 and newer.
    #[serde(default)]
    pub wal_backends: Fact<Vec<WalBackend>>,
    /// Checkpoints counted by the server.
    #[serde(default)]
    pub checkpoints: Fact<Checkpoints>,
    /// The volumes of the data directory and pg_wal; unavailable unless the user gave sizes or pgtend runs on the host.
    #[serde(default)]
    pub disk: Fact<Disk>,
    /// `pg_stat_archiver`.
    #[serde(default)]
    pub archiver: Fact<Archiver>,
    /// Segments that wait for the archiver (`pg_ls_archive_statusdir`).
    #[serde(default)]
    pub archive_status: Fact<ArchiveStatus>,
    /// Temporary files on disk now (`pg_ls_tmpdir`), of all tablespaces.
    #[serde(default)]
    pub temporary_files: Fact<Files>,
    /// Log files; `None` if the server does not write log files itself.
    #[serde(default)]
    pub log_files: Fact<Option<Files>>,
    /// Files of logical decoding: spilled transactions and snapshots.
    #[serde(default)]
    pub slot_spill: Fact<Files>,
    /// The newest timeline history file in `pg_wal`.
    #[serde(default)]
    pub timeline_history: Fact<TimelineHistory>,
    /// Settings that wait for a restart; collected for audits.
    #[serde(default)]
    pub pending_restart: Fact<Vec<PendingRestart>>,
    /// `default_transaction_read_only` in `pg_db_role_setting`.
    #[serde(default)]
    pub read_only_overrides: Fact<Vec<ReadOnlyOverride>>,
    /// Standbys whose counters were read, one entry per database.
    #[serde(default)]
    pub replicas: Vec<Replica>,
    /// The databases that were read over a connection.
    #[serde(default)]
    pub database_snapshots: Vec<DatabaseSnapshot>,
    /// Databases that could not be read.
    #[serde(default)]
    pub skipped: Vec<SkippedDatabase>,
}

fn instance_not_asked() -> Fact<ServerInstance> {
    Fact::not_requested("server instance")
}

/// A database that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SkippedDatabase {
    /// `pg_database.datname`.
    pub database: String,
    /// The error message of the server, or the reason why it was not read.
    pub reason: String,
    /// Remedy, usually a GRANT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the user listed it: then it is a gap for any reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
}

/// Error of reading a snapshot file.
#[derive(Debug, thiserror::Error)]
pub enum ReadSnapshotError {
    /// The text is not JSON, or has no header of a snapshot.
    #[error("it is not a snapshot: {0}")]
    NotASnapshot(serde_json::Error),
    /// The text is the output of this command.
    #[error("it is the output of `pgtend {0}`, not of `pgtend snapshot`")]
    Report(String),
    /// A newer program wrote it.
    #[error("it has schema version {found}, but this pgtend supports up to {SCHEMA_VERSION}: use a newer pgtend")]
    NewerSchema {
        /// Its schema version.
        found: u32,
    },
    /// An older program wrote it, with a key that was renamed.
    #[error("an older pgtend wrote it ({old} instead of {new}): record it again with `pgtend snapshot`")]
    FormerKey {
        /// The key in the file.
        old: &'static str,
        /// The present name of the key.
        new: &'static str,
    },
    /// A value of the snapshot is missing or has another type.
    #[error("it is damaged: {0}")]
    Invalid(serde_json::Error),
}

impl Snapshot {
    /// Returns whether a database that was not read is a gap. A database that allows no connections, such as template0,
    /// is one only if the user listed it.
    pub fn is_skipped_gap(&self, skipped: &SkippedDatabase) -> bool {
        let is_closed = |database: &Database| database.database == skipped.database && !database.allows_connections;
        skipped.listed || !self.databases.known().is_some_and(|databases| databases.iter().any(is_closed))
    }

    /// Parses the text of a snapshot file.
    pub fn from_json(text: &str) -> Result<Snapshot, ReadSnapshotError> {
        #[derive(Deserialize)]
        struct Header {
            schema_version: u32,
            command: String,
            /// Keys of files that no release has written.
            #[serde(default)]
            contents: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            server: FormerServer,
        }
        #[derive(Default, Deserialize)]
        struct FormerServer {
            #[serde(default)]
            asked_at: Option<serde::de::IgnoredAny>,
        }
        let header: Header = serde_json::from_str(text).map_err(ReadSnapshotError::NotASnapshot)?;
        if header.schema_version > SCHEMA_VERSION {
            return Err(ReadSnapshotError::NewerSchema { found: header.schema_version });
        }
        if header.command != SNAPSHOT_COMMAND {
            return Err(ReadSnapshotError::Report(header.command));
        }
        let former = [
            (header.contents.is_some(), "contents", "database_snapshots"),
            (header.server.asked_at.is_some(), "server.asked_at", "server.requested_at"),
        ];
        if let Some((_, old, new)) = former.into_iter().find(|(is_there, ..)| *is_there) {
            return Err(ReadSnapshotError::FormerKey { old, new });
        }
        let mut snapshot: Snapshot = serde_json::from_str(text).map_err(ReadSnapshotError::Invalid)?;
        snapshot.name_missing_facts();
        Ok(snapshot)
    }

    /// Sets the names of facts without a key in the file.
    fn name_missing_facts(&mut self) {
        macro_rules! name_facts {
            ($owner:expr => $($field:ident)*) => { $($owner.$field.name_if_unnamed(stringify!($field));)* };
        }
        name_facts!(self => control provider settings databases shared_checksums tablespaces slots walsenders
            subscriptions subscription_errors orphaned_origins sessions lock_waits standby_replay transactions
            prepared_transactions multixacts managers rights database_writes wal_position wal_directory wal_statistics
            wal_summarizer wal_statements wal_backends checkpoints disk archiver archive_status temporary_files log_files
            slot_spill timeline_history pending_restart read_only_overrides);
        for db in &mut self.database_snapshots {
            name_facts!(db => database_bytes tables indexes last_idx_scans index_resets post_update sequences sequence_use
                autovacuum_scores locked_relations
                statistics_resets exact_sizes definitions table_columns index_keys index_shapes obstacles toast_samples);
            let facts = &mut db.index_facts;
            name_facts!(facts => operator_classes foreign_keys uncounted_roles correlations);
            facts.keys.name_if_unnamed("index keys");
            facts.dependents.name_if_unnamed("index dependents");
            facts.builds.name_if_unnamed("index builds");
            facts.texts.name_if_unnamed("index expressions");
        }
        for used in self.replicas.iter_mut().filter_map(|replica| match &mut replica.used {
            Fact::Known(used) => Some(used),
            Fact::Unavailable(_) => None,
        }) {
            name_facts!(used => source walsenders slots);
        }
    }

    /// Removes hints to grant `pg_monitor` to a role that has it: in that case, EXECUTE was revoked, and no predefined
    /// role restores it.
    pub fn remove_useless_hints(&mut self) {
        let server = &self.server;
        let has_all = server.role_is_monitor || server.role_is_superuser;
        let useless_hint = grant("pg_monitor", &server.role);
        let aurora = self.provider() == Provider::Aurora;
        let remove_useless_hint = |why: Option<&mut Unavailable>| {
            if let Some(why) = why
                && has_all
                && why.hint.as_ref() == Some(&useless_hint)
            {
                why.hint = None;
                why.not_set_up |= aurora;
            }
        };
        remove_useless_hint(self.wal_directory.unavailable_mut());
        remove_useless_hint(self.archive_status.unavailable_mut());
        remove_useless_hint(self.temporary_files.unavailable_mut());
        remove_useless_hint(self.log_files.unavailable_mut());
        remove_useless_hint(self.slot_spill.unavailable_mut());
    }

    /// Returns the provider; `Unknown` also if its marks could not be read.
    pub fn provider(&self) -> Provider {
        self.provider.known().map_or(Provider::Unknown, ProviderMarks::provider)
    }

    /// Returns the position of WAL; `None` where it could not be read.
    pub fn current_lsn(&self) -> Option<Lsn> {
        self.wal_position.known()?.current_lsn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with none of the facts, as of a version that knew none of them.
    #[test]
    fn from_json_names_missing_facts() {
        let text = include_str!("../../tests/it/fixtures/calm.json");
        let mut file: serde_json::Value = serde_json::from_str(text).unwrap();
        let required = ["schema_version", "command", "pgtend_version", "collected_at", "server", "database_snapshots"];
        file.as_object_mut().unwrap().retain(|key, _| required.contains(&key.as_str()));
        file["database_snapshots"] = serde_json::json!([{"database": "shop"}]);
        let snapshot = Snapshot::from_json(&file.to_string()).unwrap();
        let read = serde_json::to_string(&snapshot).unwrap();
        assert!(!read.contains("unnamed fact"), "{read}");
        assert!(read.contains("\"fact\":\"shared checksums\"") && read.contains("\"fact\":\"index builds\""), "{read}");
    }

    #[test]
    fn from_json_names_what_is_wrong() {
        let error = |text: &str| Snapshot::from_json(text).unwrap_err().to_string();
        assert!(error("").starts_with("it is not a snapshot"));
        assert!(error("{}").starts_with("it is not a snapshot"));
        assert!(error(r#"{"schema_version": 2, "command": "snapshot"}"#).contains("schema version 2"));
        assert!(error(r#"{"schema_version": 1, "command": "wal"}"#).contains("`pgtend wal`"));
        let former = error(r#"{"schema_version": 1, "command": "snapshot", "server": {}, "contents": []}"#);
        assert!(
            former.contains("contents instead of database_snapshots") && former.contains("record it again"),
            "{former}"
        );
        let former =
            error(r#"{"schema_version": 1, "command": "snapshot", "server": {"asked_at": "2026-11-21T12:47:50Z"}}"#);
        assert!(former.contains("server.asked_at instead of server.requested_at"), "{former}");
        let damaged = error(r#"{"schema_version": 1, "command": "snapshot", "pgtend_version": 7}"#);
        assert!(damaged.starts_with("it is damaged") && damaged.contains("column"), "{damaged}");
    }
}
