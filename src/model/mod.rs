//! Plain data: one file a Postgres noun. Imports nothing of this crate.
//!
//! A [`Snapshot`] is what one look at a cluster saw; everything after collecting is a pure function of it.

mod bloat;
mod bytes;
mod checkpoint;
mod column;
mod contents;
mod database;
mod database_writes;
mod fact;
mod files;
mod identifier;
mod index;
mod index_facts;
mod lsn;
mod manager;
mod node;
mod oid_map;
pub mod past;
mod provider;
mod retention;
mod server;
mod setting;
mod slot;
mod slot_past;
mod snapshot;
mod subscription;
mod table;
mod tablespace;
mod transaction;
mod verdict;
mod wal;
mod wal_share;
mod walsender;
mod window;

pub use bloat::{Bloat, BloatSource, BtreePages, HeapTuples, Unestimated, estimate_index, estimate_table};
pub use bytes::{ParseBytesError, parse_bytes};
pub use checkpoint::ControlFile;
pub use column::{ColumnLayout, ColumnStatistics, IndexKey, TableColumns, Visibility};
pub use contents::{Contents, LockedRelation, Sequences, StatisticsResets, Tree};
pub use database::Database;
pub use database_writes::DatabaseWrites;
pub use fact::{Fact, Unavailable};
pub use files::Files;
pub use identifier::{grant, quote_identifier};
pub use index::{ConstraintKind, Index};
pub use index_facts::{
    Correlation, Dependent, DependentKind, FIRST_OWN_OID, ForeignKey, IndexFacts, IndexKeys, IndexTexts, OperatorClass,
    are_comparable, texts_decide,
};
pub use lsn::{Lsn, ParseLsnError};
pub use manager::ManagerMarks;
pub use node::{Replica, ReplicaUse, Standby, TimelineHistory};
pub use oid_map::OidMap;
pub use provider::{Provider, ProviderMarks};
pub use retention::{Cause, Holder, PartialRetention, Retention};
pub use server::Server;
pub use setting::{Setting, Settings};
pub use slot::{Slot, SlotType, WalStatus};
pub use slot_past::SlotPast;
pub use snapshot::{ReadSnapshotError, SCHEMA_VERSION, SNAPSHOT, Skipped, Snapshot};
pub use subscription::Subscription;
pub use table::{Persistence, SizeSource, StoredBytes, Table, TableKind};
pub use tablespace::Tablespace;
pub use transaction::{PreparedTransaction, Transaction, Transactions};
pub use verdict::{
    Confidence, CoverKind, Gain, IndexFinding, IndexJudgement, IndexLimits, IndexVerdict, Reason, Verdict,
};
pub use wal::{ArchiveStatus, Archiver, WalDirectory, WalPosition, WalRun, WalStatistics, WalSummarizer};
pub use wal_share::{SharedBy, WalShare, wal_shares};
pub use walsender::Walsender;
pub use window::{Window, WindowSource};
