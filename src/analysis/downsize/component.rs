//! The terms of the sum.

use super::Amount;
use crate::facts::Unavailable;
use serde::Serialize;

/// What a term's amount rests on; surer comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Measured, or the user said so.
    Measured,
    /// Proven by what was observed for long enough.
    Proven,
    /// Statistics, counters, estimates.
    Likely,
    /// An average where a peak is wanted, or somebody must confirm it.
    Rough,
}

/// Which part of the sum it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentGroup {
    Used,
    Reclaimable,
    Headroom,
}

/// What the term is, with the figures of its formula.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "id", rename_all = "snake_case")]
pub enum ComponentKind {
    Databases {
        count: usize,
    },
    SharedCatalogs,
    TransactionStatus {
        /// Of the database that holds back the most.
        xid_age: u64,
        multixact_age: u64,
    },
    WalDirectory,
    TemporaryFiles,
    ServerLogs {
        /// Not where the server itself would keep them: where and how large they are only the machine knows.
        written_elsewhere: bool,
    },
    SlotSpill,
    OutsideSql {
        used_fs_bytes: u64,
    },
    StaleSlots {
        slots: Vec<String>,
    },
    InactiveSlots {
        slots: Vec<String>,
    },
    DroppedIndexes {
        database: String,
        indexes: Vec<String>,
        count: usize,
    },
    IndexBloat {
        database: String,
        indexes: Vec<String>,
        count: usize,
    },
    TableBloat {
        database: String,
        tables: Vec<String>,
        count: usize,
    },
    OrphanedFiles {
        database: String,
    },
    UnreadDatabase {
        database: String,
    },
    UnreadTables {
        database: String,
        tables: Vec<String>,
        count: usize,
        /// For how long the server has counted.
        window_seconds: u64,
    },
    WalHeadroom {
        outage_seconds: u64,
        volume_bytes: u64,
        capped: bool,
        clean_wal_bytes: u64,
        source: WalSource,
    },
    RebuildHeadroom {
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<String>,
        index_bytes: u64,
        /// `None`: not known.
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_bytes: Option<u64>,
    },
    Growth {
        days: u32,
        bytes_per_day: f64,
        source: GrowthSource,
    },
    Margin {
        share: f64,
    },
}

/// Where the volume of WAL comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WalSource {
    Given,
    /// The largest in a rolling window of the samples.
    History,
    /// `pg_stat_wal` since it was reset: an average, taken three times.
    StatisticsAverage,
    /// The files in pg_wal and the time of the oldest: an average, taken three times.
    FilesAverage,
    NotKnown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowthSource {
    Given,
    History,
    /// Rows inserted less rows deleted since the statistics began.
    RowCounters,
    NotKnown,
}

/// One term.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    pub group: ComponentGroup,
    pub kind: ComponentKind,
    /// `None`: not known, for the reason in `missing`.
    pub amount: Option<Amount>,
    pub confidence: Confidence,
    /// Part of the sum; else it is pointed out only.
    pub counted: bool,
    pub missing: Option<Unavailable>,
    /// Where it is not known: how much it may be at most, if that is known.
    pub could_be_bytes: Option<u64>,
}

impl Component {
    pub fn known(group: ComponentGroup, kind: ComponentKind, amount: Amount, confidence: Confidence) -> Component {
        Component { group, kind, amount: Some(amount), confidence, counted: true, missing: None, could_be_bytes: None }
    }

    pub fn unknown(
        group: ComponentGroup,
        kind: ComponentKind,
        why: Unavailable,
        could_be_bytes: Option<u64>,
    ) -> Component {
        let confidence = Confidence::Rough;
        Component { group, kind, amount: None, confidence, counted: true, missing: Some(why), could_be_bytes }
    }

    /// Pointed out, but no part of the sum.
    #[must_use]
    pub fn not_counted(self) -> Component {
        Component { counted: false, ..self }
    }

    /// It leaves the sum open: not known, and not for the server's age alone, which nobody can change.
    pub fn leaves_sum_open(&self) -> bool {
        self.counted && self.amount.is_none() && self.missing.as_ref().is_some_and(|why| why.needs_version.is_none())
    }
}

/// The sum of a group's counted terms; `None` where one leaves it open.
pub fn sum_components<'a>(components: impl Iterator<Item = &'a Component> + Clone) -> Option<Amount> {
    (!components.clone().any(Component::leaves_sum_open)).then(|| sum_known_components(components))
}

/// The same of what is known.
pub fn sum_known_components<'a>(components: impl Iterator<Item = &'a Component>) -> Amount {
    components.filter(|term| term.counted).filter_map(|term| term.amount).fold(Amount::default(), Amount::plus)
}
