//! Verdicts on indexes and their reasons. A report makes text of them.

use crate::facts::BloatSource;
use jiff::Timestamp;
use serde::Serialize;

/// Worse for the index comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// In use, or it enforces something.
    Keep,
    /// A candidate, but the evidence is thin or something depends on it.
    Review,
    /// Safe on the evidence shown.
    Drop,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Keep => "keep",
            Verdict::Review => "review",
            Verdict::Drop => "drop",
        }
    }
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The catalog alone.
    Proven,
    /// Counters, sizes or statistics.
    Likely,
}

/// What was found, by the name of its page (`pgtend explain`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexFinding {
    InvalidIndex,
    DuplicateIndex,
    UnusedIndex,
    RedundantIndex,
    RarelyUsedIndex,
    IndexBloat,
}

/// How one index can stand in for another (fact sheet on indexes, B).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverKind {
    /// The same keys in the same order.
    Same,
    /// The same keys in the exact reverse order: a b-tree is read in both directions.
    Reversed,
    /// The keys are the other's first ones.
    Prefix,
    /// A hash index beside a b-tree on the same column.
    HashInBtree,
    /// The same keys, of all rows instead of some.
    PartialInFull,
    /// The other is unique on the first of the keys: it finds the same row by them.
    SupersetOfUnique,
    /// Columns of a GIN or BRIN index, where their order means nothing.
    Subset,
}

/// One reason with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    // What was found.
    NeverScanned {
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        nodes: usize,
    },
    SeldomScanned {
        idx_scan: u64,
        limit: u64,
    },
    NotScannedSince {
        last_idx_scan: Timestamp,
        seconds: u64,
    },
    DuplicateOf {
        index: String,
        how: CoverKind,
        idx_scan: u64,
    },
    CoveredBy {
        index: String,
        how: CoverKind,
        size_bytes: u64,
        cover_bytes: u64,
    },
    LeftInvalid {
        enforces_uniqueness: bool,
        costs_writes: bool,
    },
    /// Samples have shown it invalid since then.
    InvalidSince {
        since: Timestamp,
    },
    LeftByReindex {
        replaced: bool,
    },
    /// What it takes beyond what it would take built anew.
    Bloated {
        bloat_bytes: u64,
        size_bytes: u64,
        source: BloatSource,
    },
    // What makes it stay.
    InUse {
        idx_scan: u64,
    },
    PrimaryKey {
        constraint: String,
    },
    UniqueConstraint {
        constraint: String,
    },
    ExclusionConstraint {
        constraint: String,
    },
    ForeignKeyTarget {
        constraint: String,
    },
    ReplicaIdentity,
    EnforcesUniqueness,
    RefreshConcurrently,
    ViewDependsOnIt,
    OfExtension {
        #[serde(skip_serializing_if = "Option::is_none")]
        extension: Option<String>,
    },
    AttachedTo {
        index: String,
    },
    AwaitsPartitions,
    BeingBuilt,
    Temporary,
    BehindForeignKey {
        constraint: String,
    },
    TooSmall {
        size_bytes: u64,
        min_reclaim_bytes: u64,
    },
    ObservedTooBriefly {
        seconds: u64,
        minimum_seconds: u64,
    },
    NothingCounted,
    TableIdle,
    // What makes it a matter for a person.
    ShortOfMinimum {
        seconds: u64,
        minimum_seconds: u64,
    },
    WindowUnknown,
    FirstSeenUnknown,
    /// Samples know it only since then.
    SeenTooBriefly {
        since: Timestamp,
        seconds: u64,
        minimum_seconds: u64,
    },
    RolesUncounted {
        roles: Vec<String>,
    },
    StandbysNotAsked {
        standbys: Vec<String>,
    },
    SlotsWithoutStandby {
        slots: Vec<String>,
    },
    ReplicaUnknown {
        replica: String,
    },
    IsStandby,
    SharedStorage,
    Clustered,
    ExpressionStatistics,
    PartitionedLock {
        partitions: usize,
    },
    PartialBehindForeignKey {
        constraint: String,
    },
    MatterForAlterTable {
        constraint: String,
    },
    OtherStorage {
        of: String,
    },
    CoverMuchLarger {
        ratio: f64,
    },
    Correlated {
        correlation: f64,
    },
    CorrelationUnknown,
    CoverInDoubt {
        index: String,
    },
    PreciseCover {
        how: CoverKind,
    },
    LastOfItsKind {
        need: String,
    },
    NotRead {
        fact: String,
    },
}

/// What dropping would gain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gain {
    pub bytes: u64,
    /// Rows written to the table in the window of which the index had to learn: inserts, and updates that were not HOT.
    pub writes: u64,
}

/// The assessment of one index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IndexVerdict {
    #[serde(skip)]
    pub oid: u32,
    pub verdict: Verdict,
    pub confidence: Confidence,
    pub findings: Vec<IndexFinding>,
    pub reasons: Vec<Reason>,
    /// Indexes of the same table that would take its work.
    pub covered_by: Vec<String>,
    pub gain: Gain,
    /// Bytes, weighted with how often its table is rewritten: what the list is ranked by.
    #[serde(skip)]
    pub rank_score: f64,
}

/// The limits of the evidence of an assessment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexLimits {
    /// How long scans must have been counted for a `drop` that rests on counters: a quarter's end lies inside 95 days.
    /// 0 waives it, together with the rule that the index must be known to be older than the window.
    pub min_observation_seconds: u64,
    /// Below that a candidate is not even worth a `review`: a month's end lies inside 35 days.
    pub review_after_seconds: u64,
    /// A valid index smaller than that is not worth a migration.
    pub min_reclaim_bytes: u64,
    /// At most so many scans in the window are "rarely".
    pub rare_scans: u64,
    /// How many times larger a cover may be before its scans cost noticeably more.
    pub max_cover_ratio: f64,
    /// From which share of its size on an index is bloated, 0 to 1.
    pub bloated_share: f64,
    /// Less bloat than that is not worth a REINDEX.
    pub bloated_bytes: u64,
    /// From which correlation on the planner sees an index of one column clearly cheaper than one of several.
    pub correlated: f64,
}

const DAY: u64 = 86_400;

/// From which share of an index on, and from how many bytes on, a rebuild is worth its reads and writes. About a third
/// of an index on random keys is free in normal use.
pub const BLOAT_SHARE: f64 = 0.5;
pub const BLOAT_BYTES: u64 = 100 << 20;

impl IndexLimits {
    /// Returns whether so many bytes of bloat in an index of this size make a rebuild worth its reads and writes.
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

/// The verdicts on all indexes of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexAssessment {
    pub database: String,
    pub verdicts: Vec<IndexVerdict>,
    pub limits: IndexLimits,
}
