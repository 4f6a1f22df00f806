//! Text of the reasons of an index's verdict.

use crate::analysis::bloat::BloatSource;
use crate::analysis::index::{CoverKind, Reason};
use crate::render::{format_counted, format_ratio, human_bytes, human_duration, human_percent};
use jiff::Timestamp;

/// Describes a reason with its figures.
pub fn describe_index_reason(reason: &Reason) -> String {
    match reason {
        Reason::NeverScanned { seconds, nodes } => {
            let time = seconds.map(|seconds| format!(" in {}", human_duration(seconds))).unwrap_or_default();
            let where_ = if *nodes > 1 { format!(" on {nodes} servers") } else { String::new() };
            format!("never scanned{time}{where_}")
        }
        Reason::SeldomScanned { idx_scan, limit } => {
            format!("only {} (up to {limit} count as rarely)", format_scans(*idx_scan))
        }
        Reason::NotScannedSince { seconds, .. } => format!("last scanned {} ago", human_duration(*seconds)),
        Reason::DuplicateOf { index, how, idx_scan } => {
            let reverse = if *how == CoverKind::Reversed { " in reverse" } else { "" };
            let moving =
                if *idx_scan > 0 { format!("; its {} move there", format_scans(*idx_scan)) } else { String::new() };
            format!("same keys{reverse} as {index}{moving}")
        }
        Reason::CoveredBy { index, how, size_bytes, cover_bytes } => {
            let relation = match how {
                CoverKind::Prefix => "begins",
                CoverKind::HashInBtree => "a hash beside the b-tree",
                CoverKind::PartialInFull => "part of",
                CoverKind::SupersetOfUnique => "adds to the unique",
                CoverKind::Subset => "a subset of",
                CoverKind::Same | CoverKind::Reversed => "the same as",
            };
            format!("{relation} {index} ({} beside {})", human_bytes(*size_bytes), human_bytes(*cover_bytes))
        }
        Reason::LeftInvalid { enforces_uniqueness, costs_writes } => format!(
            "left behind invalid: {}{}",
            if *costs_writes { "every write pays, no query gains" } else { "no query gains" },
            if *enforces_uniqueness { "; it still refuses duplicates" } else { "" }
        ),
        Reason::LeftByReindex { replaced: true } => "left by a REINDEX that succeeded".to_owned(),
        Reason::LeftByReindex { replaced: false } => "left by a REINDEX that failed".to_owned(),
        Reason::Bloated { bloat_bytes, size_bytes, source } => {
            let about = if *source == BloatSource::Estimated { "about " } else { "" };
            // Rounded as the finding rounds it.
            let percent = human_percent(*bloat_bytes as f64 / (*size_bytes).max(1) as f64);
            let (bloat, size) = (human_bytes(*bloat_bytes), human_bytes(*size_bytes));
            format!("{about}{bloat} of {size} ({percent}) are bloat: REINDEX INDEX CONCURRENTLY would free them")
        }
        Reason::InUse { idx_scan } => format_scans(*idx_scan),
        Reason::PrimaryKey { .. } => "primary key".to_owned(),
        Reason::UniqueConstraint { constraint } => format!("unique constraint {constraint}"),
        Reason::ExclusionConstraint { constraint } => format!("exclusion constraint {constraint}"),
        Reason::ForeignKeyTarget { constraint } => format!("foreign key {constraint} refers through it"),
        Reason::ReplicaIdentity => "replica identity: without it every UPDATE and DELETE would fail".to_owned(),
        Reason::EnforcesUniqueness => "enforces uniqueness, which is not counted as scans".to_owned(),
        Reason::RefreshConcurrently => "REFRESH MATERIALIZED VIEW CONCURRENTLY needs it".to_owned(),
        Reason::ViewDependsOnIt => "a view groups by its constraint".to_owned(),
        Reason::OfExtension { extension: Some(extension) } => format!("its table belongs to extension {extension}"),
        Reason::OfExtension { extension: None } => "belongs to an extension".to_owned(),
        Reason::AttachedTo { index } => format!("attached to {index}, judged there"),
        Reason::AwaitsPartitions => "invalid until each partition has its index attached".to_owned(),
        Reason::BeingBuilt => "its table is locked by a build, a concurrent drop or a vacuum".to_owned(),
        Reason::Temporary => "temporary".to_owned(),
        Reason::BehindForeignKey { constraint } => format!("the only index behind foreign key {constraint}"),
        Reason::TooSmall { min_reclaim_bytes, .. } => {
            format!("smaller than --min-reclaim {}", human_bytes(*min_reclaim_bytes))
        }
        Reason::ObservedTooBriefly { seconds, minimum_seconds } => {
            format!("observed too briefly: {} of {}", human_duration(*seconds), human_duration(*minimum_seconds))
        }
        Reason::NothingCounted => "track_counts is off: nothing is counted".to_owned(),
        Reason::TableIdle => "nobody read its table in that time".to_owned(),
        Reason::ShortOfMinimum { seconds, minimum_seconds } => {
            format!("observed {} of {}", human_duration(*seconds), human_duration(*minimum_seconds))
        }
        Reason::WindowUnknown => "since when scans are counted is not known".to_owned(),
        Reason::FirstSeenUnknown => "it may be younger than the observation".to_owned(),
        Reason::SeenTooBriefly { since, seconds, minimum_seconds } => format!(
            "the history knows it since {} only, observed {} of {}",
            format_date(*since),
            human_duration(*seconds),
            human_duration(*minimum_seconds)
        ),
        Reason::InvalidSince { since } => format!("invalid since {} at the latest", format_date(*since)),
        Reason::RolesUncounted { roles } => format!("scans are not counted for {}", roles.join(", ")),
        Reason::StandbysNotAsked { standbys } => format!("not all standbys were asked: {}", standbys.join(", ")),
        Reason::SlotsWithoutStandby { slots } => format!("slots wait for standbys: {}", slots.join(", ")),
        Reason::ReplicaUnknown { replica } => format!("standby {replica} did not answer"),
        Reason::IsStandby => "this is a standby, and the primary was not asked".to_owned(),
        Reason::SharedStorage => "other servers may read the same storage".to_owned(),
        Reason::Clustered => "marked for CLUSTER".to_owned(),
        Reason::ExpressionStatistics => "the planner uses its expression's statistics without scanning it".to_owned(),
        Reason::PartitionedLock { partitions } => {
            format!("dropping it locks the table and {} exclusively", format_counted(*partitions as u64, "partition"))
        }
        Reason::PartialBehindForeignKey { constraint } => format!("part of it may support foreign key {constraint}"),
        Reason::MatterForAlterTable { constraint } => format!("constraint {constraint} is a matter for ALTER TABLE"),
        Reason::OtherStorage { of } => format!("tablespace or storage options differ from those of {of}"),
        Reason::CoverMuchLarger { ratio } => format!("the other is {} its size", format_ratio(*ratio)),
        Reason::Correlated { correlation } => {
            format!("its table lies in its order (correlation {correlation:.2}), which a wider index would hide")
        }
        Reason::CorrelationUnknown => {
            "how far its table lies in its order is not known (never analyzed, or no right)".to_owned()
        }
        Reason::CoverInDoubt { index } => format!("{index} is itself in doubt"),
        Reason::PreciseCover { .. } => "it may be faster at what it does".to_owned(),
        Reason::LastOfItsKind { need } => format!("the last of several candidates: {need}"),
        Reason::NotRead { fact } => format!("{fact} could not be read"),
    }
}

fn format_date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn format_scans(count: u64) -> String {
    format_counted(count, "scan")
}

/// Label of bloat in a table's column.
pub const BLOATED: &str = "bloated";

/// Returns a label for a table's column, of at most about fifteen letters.
pub fn short_reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::NeverScanned { .. } => "never scanned",
        Reason::SeldomScanned { .. } | Reason::NotScannedSince { .. } => "rarely scanned",
        Reason::DuplicateOf { .. } => "duplicate",
        Reason::CoveredBy { .. } => "redundant",
        Reason::LeftInvalid { .. } | Reason::InvalidSince { .. } | Reason::LeftByReindex { .. } => "invalid",
        Reason::Bloated { .. } => BLOATED,
        Reason::InUse { .. } => "in use",
        Reason::PrimaryKey { .. } => "primary key",
        Reason::UniqueConstraint { .. } | Reason::ExclusionConstraint { .. } => "constraint",
        Reason::ForeignKeyTarget { .. } => "foreign key",
        Reason::ReplicaIdentity => "replica id",
        Reason::EnforcesUniqueness => "unique",
        Reason::RefreshConcurrently => "refresh",
        Reason::ViewDependsOnIt => "view",
        Reason::OfExtension { .. } => "extension",
        Reason::AttachedTo { .. } => "attached",
        Reason::AwaitsPartitions => "incomplete",
        Reason::BeingBuilt => "being built",
        Reason::Temporary => "temporary",
        Reason::BehindForeignKey { .. } | Reason::PartialBehindForeignKey { .. } => "foreign key",
        Reason::TooSmall { .. } => "too small",
        Reason::ObservedTooBriefly { .. } | Reason::ShortOfMinimum { .. } => "too brief",
        Reason::NothingCounted | Reason::RolesUncounted { .. } => "not counted",
        Reason::TableIdle => "table idle",
        Reason::WindowUnknown => "since unknown",
        Reason::FirstSeenUnknown => "age unknown",
        Reason::SeenTooBriefly { .. } => "too young",
        Reason::StandbysNotAsked { .. } | Reason::SlotsWithoutStandby { .. } | Reason::ReplicaUnknown { .. } => {
            "standbys"
        }
        Reason::IsStandby => "on a standby",
        Reason::SharedStorage => "shared storage",
        Reason::Clustered => "CLUSTER",
        Reason::ExpressionStatistics => "statistics",
        Reason::PartitionedLock { .. } => "partitioned",
        Reason::MatterForAlterTable { .. } => "constraint",
        Reason::OtherStorage { .. } => "other storage",
        Reason::CoverMuchLarger { .. } => "larger cover",
        Reason::Correlated { .. } | Reason::CorrelationUnknown => "correlation",
        Reason::CoverInDoubt { .. } => "cover in doubt",
        Reason::PreciseCover { .. } => "looser cover",
        Reason::LastOfItsKind { .. } => "last of kind",
        Reason::NotRead { .. } => "not all read",
    }
}
