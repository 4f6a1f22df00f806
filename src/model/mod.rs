//! Plain data: one file a Postgres noun. Imports nothing of this crate.
//!
//! A [`Snapshot`] is what one look at a cluster saw; everything after collecting is a pure function of it.

mod bloat;
mod bytes;
mod checkpoint;
mod column;
mod contents;
mod database;
mod fact;
mod files;
mod identifier;
mod index;
mod index_facts;
mod lsn;
mod node;
pub mod past;
mod provider;
mod retention;
mod server;
mod setting;
mod slot;
mod snapshot;
mod table;
mod tablespace;
mod verdict;
mod wal;
mod window;

pub use bloat::{Bloat, BloatSource, BtreePages, HeapTuples, Unestimated, estimate_index, estimate_table};
pub use bytes::{ParseBytesError, parse_bytes};
pub use checkpoint::ControlFile;
pub use column::{ColumnLayout, ColumnStatistics, IndexKey, TableColumns, Visibility};
pub use contents::{Contents, LockedRelation, Sequences, StatisticsResets, Tree};
pub use database::Database;
pub use fact::{Fact, Unavailable};
pub use files::Files;
pub use identifier::{grant, quote_identifier};
pub use index::{ConstraintKind, Index};
pub use index_facts::{
    Correlation, Dependent, DependentKind, FIRST_OWN_OID, ForeignKey, IndexFacts, IndexKeys, IndexTexts, OperatorClass,
};
pub use lsn::{Lsn, ParseLsnError};
pub use node::{Replica, ReplicaUse, Standby, TimelineHistory};
pub use provider::{Provider, ProviderMarks};
pub use retention::{Cause, Holder, Retention};
pub use server::Server;
pub use setting::{Setting, Settings};
pub use slot::{Slot, SlotType, WalStatus};
pub use snapshot::{ReadSnapshotError, SCHEMA_VERSION, SNAPSHOT, Skipped, Snapshot};
pub use table::{Persistence, SizeSource, StoredBytes, Table, TableKind};
pub use tablespace::Tablespace;
pub use verdict::{
    Confidence, CoverKind, Gain, IndexFinding, IndexJudgement, IndexLimits, IndexVerdict, Reason, Verdict,
};
pub use wal::{ArchiveStatus, Archiver, WalDirectory, WalPosition, WalStatistics, WalSummarizer};
pub use window::{Window, WindowSource};
