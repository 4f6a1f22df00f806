//! Components of the sum.

use super::Amount;
use crate::facts::{Multixacts, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

/// Source of a component's amount, the most reliable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Measured, or given by the user.
    Measured,
    /// Shown by observation over the required time.
    Proven,
    /// From statistics, counters or estimates.
    Likely,
    /// An average used instead of a peak, or a value that the user has to confirm.
    Rough,
}

/// Part of the sum that a component belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComponentGroup {
    /// Space in use now.
    Used,
    /// Space that a clean-up frees.
    Reclaimable,
    /// Space that must stay free.
    Headroom,
}

/// Type of a component, with the figures of its formula.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "id", rename_all = "snake_case")]
pub enum ComponentKind {
    /// All databases, as `pg_database_size` measures them.
    Databases {
        /// Number of databases; 0 when the list could not be read.
        count: usize,
    },
    /// The shared catalogs in the tablespace `pg_global`.
    SharedCatalogs,
    /// Transaction status: `pg_xact` and `pg_multixact`, estimated from the oldest ids still in use.
    TransactionStatus {
        /// Largest `age(datfrozenxid)` of all databases, in transactions.
        xid_age: u64,
        /// Largest `mxid_age(datminmxid)` of all databases, in multixacts.
        multixact_age: u64,
        /// Size of a multixact's offset on this version, in bytes.
        offset_bytes: u64,
        /// Multixacts as the server counts them; `None` before 19, and where the role may not read them.
        #[serde(skip_serializing_if = "Option::is_none")]
        members: Option<Multixacts>,
    },
    /// The directory `pg_wal`.
    WalDirectory,
    /// Temporary files of running queries.
    TemporaryFiles,
    /// Log files of the server.
    ServerLogs {
        /// Whether the server does not collect its log (`logging_collector` is off), so that neither path nor size is
        /// visible in SQL.
        written_elsewhere: bool,
    },
    /// Changes that logical decoding has spilled to disk.
    SlotSpill,
    /// Space that the file system counts and that is not visible in SQL.
    OutsideSql {
        /// Used space in bytes, as the file system reports it.
        used_fs_bytes: u64,
    },
    /// WAL that only stale slots retain.
    StaleSlots {
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// WAL that inactive slots retain in addition to the stale ones. A user has to confirm that they are abandoned.
    InactiveSlots {
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// Indexes with the verdict `drop`.
    DroppedIndexes {
        /// Database of the indexes.
        database: String,
        /// Names of the largest ones, at most five.
        indexes: Vec<String>,
        /// Number of all of them.
        count: usize,
    },
    /// Bloat of indexes that stay.
    IndexBloat {
        /// Database of the indexes.
        database: String,
        /// Names of the largest ones, at most five.
        indexes: Vec<String>,
        /// Number of all of them.
        count: usize,
    },
    /// Bloat of heaps and TOAST relations.
    TableBloat {
        /// Database of the tables.
        database: String,
        /// Names of the largest ones, at most five.
        tables: Vec<String>,
        /// Number of all of them.
        count: usize,
    },
    /// Files in the database's directory that no relation owns, such as those a crash leaves behind.
    OrphanedFiles {
        /// Database of the files.
        database: String,
    },
    /// A database that was not read, so its reclaimable space is unknown.
    UnreadDatabase {
        /// Name of the database.
        database: String,
    },
    /// Tables without a scan since the statistics began. They are listed and never subtracted.
    UnreadTables {
        /// Database of the tables.
        database: String,
        /// Names of the largest ones, at most five.
        tables: Vec<String>,
        /// Number of all of them.
        count: usize,
        /// Seconds since the statistics began.
        window_seconds: u64,
    },
    /// Space for the WAL of a consumer outage.
    WalHeadroom {
        /// Length of the outage in seconds.
        outage_seconds: u64,
        /// WAL written during the outage, in bytes, after the limit of `max_slot_wal_keep_size`.
        volume_bytes: u64,
        /// Whether `max_slot_wal_keep_size` limits the volume.
        capped: bool,
        /// Size of `pg_wal` after the clean-up, in bytes. It is subtracted: this space is there already.
        clean_wal_bytes: u64,
        /// Source of the volume.
        #[serde(rename = "rate_source")]
        source: WalSource,
    },
    /// Space to rebuild the largest index, and to sort for it.
    RebuildHeadroom {
        /// Name of the largest index that stays; `None` when no index is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<String>,
        /// Size of that index after a rebuild, in bytes; 0 without one.
        index_bytes: u64,
        /// Size of the present temporary files in bytes; `None` when unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_bytes: Option<u64>,
    },
    /// Growth until the horizon.
    Growth {
        /// Days until the horizon.
        days: u32,
        /// Growth in bytes per day.
        bytes_per_day: f64,
        /// Source of the rate.
        #[serde(rename = "rate_source")]
        source: GrowthSource,
    },
    /// Share of the new volume that stays free.
    Margin {
        /// The share, 0 to 1.
        share: f64,
    },
}

/// Source of the WAL volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WalSource {
    /// Given by the user.
    Given,
    /// The largest volume in a rolling window of the samples.
    History,
    /// `pg_stat_wal` since its reset. Three times this average stands for a peak.
    StatisticsAverage,
    /// The files in `pg_wal` and the age of the oldest. Three times this average stands for a peak.
    FilesAverage,
    /// Unknown: there is no history, and the statistics are too young.
    NotKnown,
}

/// Source of the growth rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrowthSource {
    /// Given by the user.
    Given,
    /// Trend of the samples in the history store.
    History,
    /// Rows inserted minus rows deleted since the statistics began.
    RowCounters,
    /// Unknown: there is no history, and the row counters are too young.
    NotKnown,
}

/// One component of the sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Part of the sum that it belongs to.
    pub group: ComponentGroup,
    /// Type and figures.
    pub kind: ComponentKind,
    /// Size; `None` when unknown, for the reason in `missing`.
    pub amount: Option<Amount>,
    /// Source of the amount.
    pub confidence: Confidence,
    /// Whether it is part of the sum. Otherwise it is only shown.
    pub counted: bool,
    /// Reason why the amount is unknown; `None` when it is known.
    pub missing: Option<Unavailable>,
    /// Upper bound in bytes of an unknown amount; `None` when there is no bound.
    pub could_be_bytes: Option<u64>,
}

impl Component {
    /// Returns a counted component with a known amount.
    pub fn known(group: ComponentGroup, kind: ComponentKind, amount: Amount, confidence: Confidence) -> Component {
        Component { group, kind, amount: Some(amount), confidence, counted: true, missing: None, could_be_bytes: None }
    }

    /// Returns a counted component without an amount. Its confidence is `Rough`.
    pub fn unknown(
        group: ComponentGroup,
        kind: ComponentKind,
        why: Unavailable,
        could_be_bytes: Option<u64>,
    ) -> Component {
        let confidence = Confidence::Rough;
        Component { group, kind, amount: None, confidence, counted: true, missing: Some(why), could_be_bytes }
    }

    /// Excludes the component from the sum. It is still shown.
    #[must_use]
    pub fn not_counted(self) -> Component {
        Component { counted: false, ..self }
    }

    /// Returns whether the component makes the sum unknown: it counts and has no amount. A component that only a newer
    /// server version could provide does not.
    pub fn leaves_sum_open(&self) -> bool {
        self.counted && self.amount.is_none() && self.missing.as_ref().is_some_and(|why| why.needs_version.is_none())
    }
}

/// Returns the sum of the counted components; `None` when one of them makes it unknown.
pub fn sum_components<'a>(components: impl Iterator<Item = &'a Component> + Clone) -> Option<Amount> {
    (!components.clone().any(Component::leaves_sum_open)).then(|| sum_known_components(components))
}

/// Returns the sum of the counted components that have an amount.
pub fn sum_known_components<'a>(components: impl Iterator<Item = &'a Component>) -> Amount {
    components
        .filter(|component| component.counted)
        .filter_map(|component| component.amount)
        .fold(Amount::default(), Amount::plus)
}
