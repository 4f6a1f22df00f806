//! Verdicts on indexes and their reasons. Reports turn them into text.

use crate::analysis::bloat::BloatSource;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Verdict on an index, from harmless to severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is in use, enforces a constraint or is required otherwise.
    Keep,
    /// A candidate whose evidence is insufficient, or that something depends on.
    Review,
    /// Safe to drop on the evidence shown.
    Drop,
}

impl Verdict {
    /// Returns the name in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Keep => "keep",
            Verdict::Review => "review",
            Verdict::Drop => "drop",
        }
    }
}

/// Strength of a verdict's evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The catalog alone proves it.
    Proven,
    /// It rests on counters, sizes or statistics.
    Likely,
}

/// Finding on an index. Its kebab-case name is its id and its page of `pgtend explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IndexFinding {
    /// A failed build or drop left the index invalid.
    InvalidIndex,
    /// Another index has the same keys.
    DuplicateIndex,
    /// No scan was counted in the observation window.
    UnusedIndex,
    /// A wider index of the same table can replace it.
    RedundantIndex,
    /// Few scans were counted in the observation window.
    RarelyUsedIndex,
    /// A rebuild would make it much smaller.
    IndexBloat,
}

/// How one index can replace another (docs/reference/index-equivalence.md#covering-indexes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverKind {
    /// The same keys in the same order.
    Same,
    /// The same keys in exactly reversed order. A B-tree is scanned in both directions.
    Reversed,
    /// The keys are the leading keys of the covering index.
    Prefix,
    /// A hash index, replaced by a B-tree on the same column.
    HashInBtree,
    /// The same keys; the candidate is partial and the covering index is not.
    PartialInFull,
    /// The covering index is unique on the leading keys and finds the same row.
    SupersetOfUnique,
    /// The columns are a subset in a GIN or BRIN index, where order does not matter.
    Subset,
}

/// One reason of a verdict, with its figures.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    // Findings.
    /// No scan was counted.
    NeverScanned {
        /// Length of the observation window in seconds; `None` when unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        /// Number of servers that were read.
        nodes: usize,
    },
    /// Few scans were counted.
    SeldomScanned {
        /// Scans in the observation window.
        idx_scan: u64,
        /// Largest number of scans that counts as rare.
        limit: u64,
    },
    /// The last scan (`pg_stat_all_indexes.last_idx_scan`, 16 and newer) is older than the required observation time.
    NotScannedSince {
        /// Time of the last scan.
        last_idx_scan: Timestamp,
        /// Seconds since the last scan.
        seconds: u64,
    },
    /// Another index has the same keys and is kept.
    DuplicateOf {
        /// Name of the index that is kept.
        index: String,
        /// How it replaces this one.
        how: CoverKind,
        /// Scans of this index in the observation window.
        idx_scan: u64,
    },
    /// Another index covers this one.
    CoveredBy {
        /// Name of the covering index.
        index: String,
        /// How it replaces this one.
        how: CoverKind,
        /// Size of this index in bytes.
        size_bytes: u64,
        /// Size of the covering index in bytes.
        cover_bytes: u64,
    },
    /// A failed build or drop left it invalid. The planner never uses it.
    LeftInvalid {
        /// Whether it still enforces uniqueness on new rows.
        enforces_uniqueness: bool,
        /// Whether writes still maintain it.
        costs_writes: bool,
    },
    /// Samples show that it has been invalid for at least a day.
    InvalidSince {
        /// Earliest of these samples.
        since: Timestamp,
    },
    /// Its name shows that REINDEX CONCURRENTLY left it behind.
    LeftByReindex {
        /// `true`: the old index, which the rebuild replaced (`_ccold`). `false`: an unfinished copy (`_ccnew`).
        replaced: bool,
    },
    /// It is larger than a rebuilt index would be.
    Bloated {
        /// Difference in bytes.
        bloat_bytes: u64,
        /// Present size in bytes.
        size_bytes: u64,
        /// Source of the estimate.
        source: BloatSource,
    },
    // Reasons to keep it.
    /// It is scanned.
    InUse {
        /// Scans in the observation window.
        idx_scan: u64,
    },
    /// It enforces a primary key.
    PrimaryKey {
        /// Name of the constraint.
        constraint: String,
    },
    /// It is the only index that enforces a UNIQUE constraint.
    UniqueConstraint {
        /// Name of the constraint.
        constraint: String,
    },
    /// It enforces an exclusion constraint.
    ExclusionConstraint {
        /// Name of the constraint.
        constraint: String,
    },
    /// A foreign key of another table depends on its uniqueness.
    ForeignKeyTarget {
        /// Name of the foreign key.
        constraint: String,
    },
    /// It is the replica identity of its table.
    ReplicaIdentity,
    /// It is a unique index that no other one replaces.
    EnforcesUniqueness,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY` needs it.
    RefreshConcurrently,
    /// A view depends on its constraint, by a GROUP BY on the primary key.
    ViewDependsOnIt,
    /// It or its table belongs to an extension.
    OfExtension {
        /// Name of the extension; `None` when unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        extension: Option<String>,
    },
    /// It is attached to a partitioned index and can only be dropped with it.
    AttachedTo {
        /// Name of the partitioned index at the root.
        index: String,
    },
    /// A partitioned index that is invalid until all partitions have a valid index.
    AwaitsPartitions,
    /// Its table is locked by a build, a concurrent drop or a vacuum.
    BeingBuilt,
    /// Its table is temporary.
    Temporary,
    /// It is the only index that supports the lookups of a foreign key.
    BehindForeignKey {
        /// Name of the foreign key.
        constraint: String,
    },
    /// It is smaller than what a migration is worth.
    TooSmall {
        /// Its size in bytes.
        size_bytes: u64,
        /// The limit in bytes.
        min_reclaim_bytes: u64,
    },
    /// Scans were counted for less time than even a `review` requires.
    ObservedTooBriefly {
        /// Seconds in which scans were counted.
        seconds: u64,
        /// Seconds that a `drop` requires.
        minimum_seconds: u64,
    },
    /// `track_counts` is off, so scans are not counted.
    NothingCounted,
    /// Its table was not scanned at all in the observation window.
    TableIdle,
    // Reasons for a review.
    /// Scans were counted for less time than a `drop` requires.
    ShortOfMinimum {
        /// Seconds in which scans were counted.
        seconds: u64,
        /// Seconds that a `drop` requires.
        minimum_seconds: u64,
    },
    /// It is unknown since when scans have been counted.
    WindowUnknown,
    /// No sample shows how old the index is.
    FirstSeenUnknown,
    /// Samples show the index only for part of the required time.
    SeenTooBriefly {
        /// Earliest sample with the index.
        since: Timestamp,
        /// Observed seconds since that sample.
        seconds: u64,
        /// Seconds that a `drop` requires.
        minimum_seconds: u64,
    },
    /// `track_counts` is off for some roles, so their scans are not counted.
    RolesUncounted {
        /// Names of the roles; `every role` for a setting of the database.
        roles: Vec<String>,
    },
    /// Standbys are connected and were not read. Their scans are not counted here.
    StandbysNotAsked {
        /// Names of the standbys, with addresses where known.
        standbys: Vec<String>,
    },
    /// Physical slots of standbys that are not connected. Their scans are unknown.
    SlotsWithoutStandby {
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// A standby was requested and could not be read.
    ReplicaUnknown {
        /// Name of the standby, as requested.
        replica: String,
    },
    /// The snapshot is of a standby, and the primary was not read.
    IsStandby,
    /// Amazon Aurora: readers share the storage and are not visible in `pg_stat_replication`.
    SharedStorage,
    /// The table was clustered on it, so that CLUSTER without an index name uses it.
    Clustered,
    /// The planner uses the statistics of its expression without scanning it.
    ExpressionStatistics,
    /// Dropping a partitioned index locks the table and all partitions; CONCURRENTLY is not possible.
    PartitionedLock {
        /// Number of indexes attached to it.
        partitions: usize,
    },
    /// A partial index on the columns of a foreign key.
    PartialBehindForeignKey {
        /// Name of the foreign key.
        constraint: String,
    },
    /// It belongs to a constraint, which only ALTER TABLE can drop.
    MatterForAlterTable {
        /// Name of the constraint.
        constraint: String,
    },
    /// The index that would replace it has other storage parameters or another tablespace.
    OtherStorage {
        /// Name of that index.
        of: String,
    },
    /// The covering index is much larger, so that its scans read more pages.
    CoverMuchLarger {
        /// Size of the covering index divided by the size of this one.
        ratio: f64,
    },
    /// Its column is correlated with the order of rows. The planner estimates an index on several columns as less
    /// correlated.
    Correlated {
        /// `pg_stats.correlation` of the column, -1 to 1.
        correlation: f64,
    },
    /// The correlation of its column is unknown.
    CorrelationUnknown,
    /// The covering index is itself a candidate.
    CoverInDoubt {
        /// Name of the covering index.
        index: String,
    },
    /// The candidate may be faster for its own scans than this kind of covering index.
    PreciseCover {
        /// How it covers.
        how: CoverKind,
    },
    /// It is the last index that meets a need, after all other drops of the plan.
    LastOfItsKind {
        /// Description of the need.
        need: String,
    },
    /// A fact that the verdict depends on could not be read.
    NotRead {
        /// Name of the fact.
        fact: String,
    },
}

/// Benefit of a drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gain {
    /// Size in bytes.
    pub bytes: u64,
    /// Rows written to the index in the observation window: inserts, and updates that were not HOT.
    pub writes: u64,
}

/// The assessment of one index.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct IndexVerdict {
    /// OID of the index.
    #[serde(skip)]
    pub oid: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// Strength of the evidence.
    pub confidence: Confidence,
    /// Findings, the one that decided first; empty when there are none.
    pub findings: Vec<IndexFinding>,
    /// Reasons of the verdict.
    pub reasons: Vec<Reason>,
    /// Names of indexes of the same table that can replace it.
    pub covered_by: Vec<String>,
    /// Benefit of a drop.
    pub gain: Gain,
    /// Order of the list: bytes, weighted by the writes per row of the table.
    #[serde(skip)]
    pub rank_score: f64,
}

/// Limits of an assessment of indexes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexLimits {
    /// Seconds for which scans must have been counted before counters justify a `drop`. The default of 95 days includes
    /// the end of a quarter. 0 waives the requirement, and with it the proof that the index is older than the window.
    pub min_observation_seconds: u64,
    /// Seconds below which counters do not even justify a `review`. The default of 35 days includes the end of a month.
    pub review_after_seconds: u64,
    /// Size in bytes below which a valid index is not worth a migration.
    pub min_reclaim_bytes: u64,
    /// Largest number of scans in the window that counts as rare.
    pub rare_scans: u64,
    /// Largest ratio of sizes at which a covering index is about as fast.
    pub max_cover_ratio: f64,
    /// Share of its size, 0 to 1, from which an index counts as bloated.
    pub bloated_share: f64,
    /// Bloat in bytes from which an index counts as bloated.
    pub bloated_bytes: u64,
    /// Correlation, 0 to 1, above which the planner estimates an index on one column as clearly cheaper than one on
    /// several.
    pub correlated: f64,
}

const DAY: u64 = 86_400;

/// Default of [`IndexLimits::bloated_share`]. About a third of an index on random keys is free in normal use.
pub const BLOAT_SHARE: f64 = 0.5;
/// Default of [`IndexLimits::bloated_bytes`].
pub const BLOAT_BYTES: u64 = 100 << 20;

impl IndexLimits {
    /// Returns whether bloat of this size makes a rebuild of the index worth its reads and writes. Sizes are in bytes.
    pub fn is_bloated(&self, bloat_bytes: u64, size_bytes: u64) -> bool {
        bloat_bytes >= self.bloated_bytes && bloat_bytes as f64 >= size_bytes as f64 * self.bloated_share
    }
}

impl Default for IndexLimits {
    fn default() -> Self {
        IndexLimits {
            min_observation_seconds: 95 * DAY,
            review_after_seconds: 35 * DAY,
            min_reclaim_bytes: 1 << 20,
            rare_scans: 50,
            max_cover_ratio: 2.0,
            correlated: 0.8,
            bloated_share: BLOAT_SHARE,
            bloated_bytes: BLOAT_BYTES,
        }
    }
}

/// Verdicts on all indexes of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexAssessment {
    /// Name of the database.
    pub database: String,
    /// One verdict per index outside the system catalogs.
    pub verdicts: Vec<IndexVerdict>,
    /// Limits that were applied.
    pub limits: IndexLimits,
}
