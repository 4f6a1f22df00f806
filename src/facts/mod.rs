//! Plain data, one file per view or object of PostgreSQL.
//!
//! A [`Snapshot`] contains the facts of one cluster, collected once. All later computation is a pure function of it.

mod checkpoint;
mod column;
mod database;
mod database_snapshot;
mod disk;
mod fact;
mod fact_groups;
mod finding;
mod foreign_object;
pub mod history;
mod index;
mod index_ddl;
mod index_facts;
mod index_shape;
mod lock_wait;
mod manager;
mod obstacle;
mod oid_map;
mod page_counts;
mod post_update;
mod provider;
mod replica;
mod sequence;
mod server;
mod server_identity;
mod session;
mod setting;
mod silence;
mod slot;
mod slot_identity;
mod snapshot;
mod standby;
mod subscription;
mod table;
mod tablespace;
mod transaction;
mod wal;
mod wal_writers;
mod walsender;

pub use checkpoint::{Checkpoints, ControlFile};
pub use column::{ColumnLayout, ColumnStatistics, IndexKey, TableColumns, Visibility};
pub use database::{Database, SharedChecksums};
pub use database_snapshot::{
    AutovacuumScore, DatabaseSnapshot, LockedRelation, PartitionTree, Sequences, StatisticsResets,
};
pub use disk::{Disk, DiskSource, Volume, WalHeadroom};
pub use fact::{Fact, Unavailable};
pub use fact_groups::{FactGroup, FactGroups};
pub use finding::{Class, Finding, Level, Measure, Measurement, Status};
pub use foreign_object::{ForeignObject, LookAlike};
pub use index::{ConstraintKind, Index, WithdrawnType};
pub use index_ddl::IndexDdl;
pub use index_facts::{
    Correlation, Dependent, DependentKind, FIRST_NORMAL_OBJECT_ID, ForeignKey, IndexFacts, IndexKeys, IndexTexts,
    OperatorClass, are_comparable, differ_only_in_texts,
};
pub use index_shape::{IndexColumn, IndexShape};

pub use manager::ManagerMarks;

pub use obstacle::{NamedObjects, ObstacleKind, Obstacles, PendingRestart, ReadOnlyOverride};
pub use oid_map::{OidMap, OidSet};
pub use page_counts::{BtreePages, HeapTuples, ToastSample};

pub use post_update::{ClassUse, ClassedIndex, PostUpdate};
pub use provider::{Provider, ProviderMarks};

pub use replica::{Replica, ReplicaUse, StandbySource, TimelineHistory};

pub use lock_wait::{LockBlocker, LockWait, LockWaits};
pub use sequence::{OrphanedOrigin, SequenceState, SequenceUse};
pub use server::{RoleRights, Server};
pub use server_identity::{ServerIdentity, ServerInstance};
pub use session::{Session, Sessions};
pub use setting::{Setting, Settings};
pub use silence::{Silence, silence_last_day};
pub use slot::{Slot, SlotRepack, SlotType, WalStatus};
pub use slot_identity::SlotIdentity;
pub use snapshot::{ReadSnapshotError, SCHEMA_VERSION, SNAPSHOT_COMMAND, SkippedDatabase, Snapshot};
pub use standby::{Standby, StandbyReplay};
pub use subscription::{Subscription, SubscriptionErrors};
pub use table::{Persistence, SizeSource, StoredBytes, Table, TableKind};
pub use tablespace::{Files, Tablespace};
pub use transaction::{Multixacts, PreparedTransaction, Transaction, Transactions};

pub use wal::{ArchiveStatus, Archiver, WalDirectory, WalPosition, WalRun, WalStatistics, WalSummarizer};

pub use wal_writers::{CountedStatements, DatabaseWrites, WalBackend, WalStatement, WalStatements};
pub use walsender::Walsender;
