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
            format!("only {} (limit of rarely-used-index: {limit})", format_scans(*idx_scan))
        }
        Reason::NotScannedSince { seconds, .. } => format!("last scanned {} ago", human_duration(*seconds)),
        Reason::DuplicateOf { index, how, idx_scan } => {
            let reverse = if *how == CoverKind::Reversed { " in reverse order" } else { "" };
            let scans = match idx_scan {
                0 => String::new(),
                count => format!("; its {} can use that index", format_scans(*count)),
            };
            format!("same keys{reverse} as {index}{scans}")
        }
        Reason::CoveredBy { index, how, size_bytes, cover_bytes } => {
            let relation = match how {
                CoverKind::Prefix => "begins with the same columns",
                CoverKind::HashInBtree => "is a B-tree on the same column",
                CoverKind::PartialInFull => "has the same keys for all rows",
                CoverKind::SupersetOfUnique => "is unique on the leading columns",
                CoverKind::Subset => "contains all of its columns",
                CoverKind::Same | CoverKind::Reversed => "has the same keys",
            };
            let (size, cover) = (human_bytes(*size_bytes), human_bytes(*cover_bytes));
            format!("covered by {index}, which {relation} ({size}, covering index {cover})")
        }
        Reason::LeftInvalid { enforces_uniqueness, costs_writes } => format!(
            "invalid (failed build or drop): {}never used by queries{}",
            if *costs_writes { "costs writes, " } else { "" },
            if *enforces_uniqueness { "; it still rejects duplicate keys" } else { "" }
        ),
        Reason::LeftByReindex { replaced: true } => {
            "original index, which REINDEX CONCURRENTLY could not drop after the rebuild".to_owned()
        }
        Reason::LeftByReindex { replaced: false } => "transient index of a REINDEX CONCURRENTLY that failed".to_owned(),
        Reason::Bloated { bloat_bytes, size_bytes, source } => {
            let about = if *source == BloatSource::Estimated { "about " } else { "" };
            // Rounded as the finding rounds it.
            let percent = human_percent(*bloat_bytes as f64 / (*size_bytes).max(1) as f64);
            let (bloat, size) = (human_bytes(*bloat_bytes), human_bytes(*size_bytes));
            format!("{about}{bloat} of {size} ({percent}) is bloat, which REINDEX INDEX CONCURRENTLY frees")
        }
        Reason::InUse { idx_scan } => format_scans(*idx_scan),
        Reason::PrimaryKey { .. } => "primary key".to_owned(),
        Reason::UniqueConstraint { constraint } => format!("unique constraint {constraint}"),
        Reason::ExclusionConstraint { constraint } => format!("exclusion constraint {constraint}"),
        Reason::ForeignKeyTarget { constraint } => format!("foreign key {constraint} depends on it"),
        Reason::ReplicaIdentity => {
            "replica identity: without it, UPDATE and DELETE fail while the table is published".to_owned()
        }
        Reason::EnforcesUniqueness => "enforces uniqueness, which is not counted as scans".to_owned(),
        Reason::RefreshConcurrently => "REFRESH MATERIALIZED VIEW CONCURRENTLY requires it".to_owned(),
        Reason::ViewDependsOnIt => "a view depends on its constraint".to_owned(),
        Reason::OfExtension { extension: Some(extension) } => format!("its table belongs to extension {extension}"),
        Reason::OfExtension { extension: None } => "belongs to an extension".to_owned(),
        Reason::AttachedTo { index } => format!("attached to partitioned index {index}, which has the verdict"),
        Reason::AwaitsPartitions => "invalid until every partition has an index attached to it".to_owned(),
        Reason::BeingBuilt => "its table is locked by an index build, a concurrent drop or VACUUM".to_owned(),
        Reason::Temporary => "its table is temporary".to_owned(),
        Reason::BehindForeignKey { constraint } => format!("the only index that supports foreign key {constraint}"),
        Reason::TooSmall { min_reclaim_bytes, .. } => {
            format!("smaller than --min-reclaim {}", human_bytes(*min_reclaim_bytes))
        }
        Reason::ObservedTooBriefly { seconds, minimum_seconds } => {
            format!("observed for only {} of {}", human_duration(*seconds), human_duration(*minimum_seconds))
        }
        Reason::NothingCounted => "track_counts is off: scans are not counted".to_owned(),
        Reason::TableIdle => "its table was not read in that time".to_owned(),
        Reason::ShortOfMinimum { seconds, minimum_seconds } => {
            format!("observed for {} of {}", human_duration(*seconds), human_duration(*minimum_seconds))
        }
        Reason::WindowUnknown => "start of the observation window unknown".to_owned(),
        Reason::FirstSeenUnknown => "it may be newer than the observation window".to_owned(),
        Reason::SeenTooBriefly { since, seconds, minimum_seconds } => format!(
            "first seen in the history on {}, observed for {} of {}",
            format_date(*since),
            human_duration(*seconds),
            human_duration(*minimum_seconds)
        ),
        Reason::InvalidSince { since } => format!("invalid since {} or earlier", format_date(*since)),
        Reason::RolesUncounted { roles } => format!("track_counts is off for {}", roles.join(", ")),
        Reason::StandbysNotAsked { standbys } => {
            format!("standbys whose scans were not read (--replica): {}", standbys.join(", "))
        }
        Reason::SlotsWithoutStandby { slots } => {
            format!("slots of standbys that are not connected: {}", slots.join(", "))
        }
        Reason::ReplicaUnknown { replica } => format!("standby {replica} could not be read"),
        Reason::IsStandby => "this is a standby, and its primary was not read".to_owned(),
        Reason::SharedStorage => "Aurora readers may scan it; their scans are not counted here".to_owned(),
        Reason::Clustered => "CLUSTER uses it".to_owned(),
        Reason::ExpressionStatistics => {
            "the planner uses the statistics of its expression without scanning it".to_owned()
        }
        Reason::PartitionedLock { partitions } => format!(
            "dropping it requires ACCESS EXCLUSIVE locks on the table and {}",
            format_counted(*partitions as u64, "partition")
        ),
        Reason::PartialBehindForeignKey { constraint } => {
            format!("partial index on the columns of foreign key {constraint}")
        }
        Reason::MatterForAlterTable { constraint } => {
            format!("belongs to constraint {constraint}, which only ALTER TABLE can drop")
        }
        Reason::OtherStorage { of } => format!("tablespace or storage parameters differ from those of {of}"),
        Reason::CoverMuchLarger { ratio } => format!("the covering index is {} its size", format_ratio(*ratio)),
        Reason::Correlated { correlation } => format!(
            "the table is ordered by its column (correlation {correlation:.2}); the planner rates a multicolumn index as \
             less correlated"
        ),
        Reason::CorrelationUnknown => {
            "correlation of its column unknown (table not analyzed, or no privilege)".to_owned()
        }
        Reason::CoverInDoubt { index } => format!("covering index {index} is itself a candidate"),
        Reason::PreciseCover { .. } => "it may be faster than the covering index".to_owned(),
        Reason::LastOfItsKind { need } => format!("last index left after the other drops: {need}"),
        Reason::NotRead { fact } => format!("{fact} could not be read"),
    }
}

fn format_date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn format_scans(count: u64) -> String {
    format_counted(count, "scan")
}

/// Label of an index without scans in a table's column.
pub const NO_SCANS: &str = "no scans";

/// Label of bloat in a table's column.
pub const BLOATED: &str = "bloated";

/// Returns a label for a table's column, of at most about 16 characters.
pub fn short_reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::NeverScanned { .. } => NO_SCANS,
        Reason::SeldomScanned { .. } | Reason::NotScannedSince { .. } => "few scans",
        Reason::DuplicateOf { .. } => "duplicate",
        Reason::CoveredBy { .. } => "redundant",
        Reason::LeftInvalid { .. } | Reason::InvalidSince { .. } | Reason::LeftByReindex { .. } => "invalid",
        Reason::Bloated { .. } => BLOATED,
        Reason::InUse { .. } => "in use",
        Reason::PrimaryKey { .. } => "primary key",
        Reason::UniqueConstraint { .. } | Reason::ExclusionConstraint { .. } => "constraint",
        Reason::ForeignKeyTarget { .. } => "foreign key",
        Reason::ReplicaIdentity => "replica identity",
        Reason::EnforcesUniqueness => "unique",
        Reason::RefreshConcurrently => "needed to refresh",
        Reason::ViewDependsOnIt => "used by a view",
        Reason::OfExtension { .. } => "extension",
        Reason::AttachedTo { .. } => "attached",
        Reason::AwaitsPartitions => "incomplete",
        Reason::BeingBuilt => "being built",
        Reason::Temporary => "temporary",
        Reason::BehindForeignKey { .. } | Reason::PartialBehindForeignKey { .. } => "foreign key",
        Reason::TooSmall { .. } => "too small",
        Reason::ObservedTooBriefly { .. } | Reason::ShortOfMinimum { .. } => "short window",
        Reason::NothingCounted | Reason::RolesUncounted { .. } => "not counted",
        Reason::TableIdle => "table idle",
        Reason::WindowUnknown => "window unknown",
        Reason::FirstSeenUnknown => "age unknown",
        Reason::SeenTooBriefly { .. } => "new index",
        Reason::StandbysNotAsked { .. } | Reason::SlotsWithoutStandby { .. } | Reason::ReplicaUnknown { .. } => {
            "standby unread"
        }
        Reason::IsStandby => "on a standby",
        Reason::SharedStorage => "shared storage",
        Reason::Clustered => "clustered",
        Reason::ExpressionStatistics => "statistics",
        Reason::PartitionedLock { .. } => "partitioned",
        Reason::MatterForAlterTable { .. } => "constraint",
        Reason::OtherStorage { .. } => "other storage",
        Reason::CoverMuchLarger { .. } => "cover is larger",
        Reason::Correlated { .. } | Reason::CorrelationUnknown => "correlation",
        Reason::CoverInDoubt { .. } => "cover in doubt",
        Reason::PreciseCover { .. } => "more specific",
        Reason::LastOfItsKind { .. } => "still needed",
        Reason::NotRead { .. } => "facts missing",
    }
}
