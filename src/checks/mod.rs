//! Rules with an id, their thresholds and their pages (`pgtend explain`): pure functions of a snapshot and its history.

mod assessment;
mod evidence;
mod outcome;
mod rules;
pub mod runner;
pub mod thresholds;

mod droppable_indexes;
mod id_age;
mod relation_bloat;
pub mod summary;
#[cfg(test)]
mod testing;

pub use assessment::{Assessment, assess};
pub use evidence::Evidence;
pub use outcome::{
    CheckOutcome, CheckOutcomeKind, Evaluation, NotApplicable, RuleFinding, exceeded_threshold, require_fact,
};

use crate::facts::{Class, FactGroup};
use thresholds::Rule;

/// A report that shows findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportName {
    /// `pgtend overview`.
    Overview,
    /// `pgtend slots`.
    Slots,
    /// `pgtend indexes`.
    Indexes,
    /// `pgtend tables`.
    Tables,
    /// `pgtend wal`.
    Wal,
    /// `pgtend audit`.
    Audit,
}

/// One check: its id, its page and its rule.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The id, such as `stale-slot`.
    pub name: &'static str,
    /// Page of `pgtend explain` in Markdown; the first line is its title.
    pub page: &'static str,
    /// Class and rule; `None` for a finding that only `pgtend indexes` has.
    pub nightly: Option<Nightly>,
    /// Facts that it needs in addition to the server's identity and settings.
    pub facts: &'static [FactGroup],
    /// Reports on one subject that show its findings. `check` shows all findings, `overview` all alerts.
    pub reports: &'static [ReportName],
}

/// A check with a rule.
#[derive(Clone, Copy, Debug)]
pub struct Nightly {
    /// Whether its findings are alerts or hygiene.
    pub class: Class,
    /// Creates the rule with its default limits.
    pub rule: fn() -> Box<dyn Rule>,
}

impl Check {
    /// Returns the page's title without the id.
    pub fn summary(&self) -> &'static str {
        let title = self.page.lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, summary)| summary)
    }

    /// Returns whether a report shows the findings of this check.
    pub fn concerns(&self, report: ReportName) -> bool {
        match report {
            ReportName::Overview => self.nightly.is_some_and(|nightly| nightly.class == Class::Alert),
            ReportName::Audit => !self.reports.is_empty(),
            _ => self.reports.contains(&report),
        }
    }
}

macro_rules! check {
    ($name:literal $module:ident) => {
        Check {
            name: $name,
            page: include_str!(concat!("rules/", stringify!($module), ".md")),
            nightly: None,
            facts: &[],
            reports: &[],
        }
    };
    ($name:literal $module:ident $class:ident needs [$($fact:ident)*] in [$($report:ident)*]) => {
        Check {
            name: $name,
            page: include_str!(concat!("rules/", stringify!($module), ".md")),
            nightly: Some(Nightly { class: Class::$class, rule: || Box::new(rules::$module::Limits::default()) }),
            facts: &[$(FactGroup::$fact),*],
            reports: &[$(ReportName::$report),*],
        }
    };
}

/// Every check, in the order of evaluation.
pub const CHECKS: &[Check] = &[
    check!("stale-slot" stale_slot Alert needs [Slots] in [Slots]),
    check!("lagging-slot" lagging_slot Alert needs [Slots] in [Slots]),
    check!("lost-slot" lost_slot Alert needs [Slots] in [Slots]),
    check!("slot-limit" slot_limit Alert needs [Slots] in [Slots]),
    check!("retained-wal" retained_wal Alert needs [Slots Wal Databases Storage] in [Wal]),
    check!("disk-forecast" disk_forecast Alert needs [Slots Wal Databases Storage] in [Wal]),
    check!("failed-archiving" failed_archiving Alert needs [Slots Wal] in [Wal]),
    check!("xid-wraparound" xid_wraparound Alert needs [Databases] in []),
    check!("multixact" multixact Alert needs [Databases] in []),
    check!("xmin-horizon" xmin_horizon Alert needs [Slots Health] in []),
    check!("prepared-transactions" prepared_transactions Alert needs [Slots] in []),
    check!("connections" connections Alert needs [Health] in []),
    check!("idle-in-transaction" idle_in_transaction Alert needs [Health] in []),
    check!("lock-waits" lock_waits Alert needs [Health] in []),
    check!("replication-lag" replication_lag Alert needs [Slots Health] in []),
    check!("subscription-errors" subscription_errors Alert needs [Slots Health] in []),
    check!("checksum-failures" checksum_failures Alert needs [Databases Health] in []),
    check!("sequence-exhaustion" sequence_exhaustion Alert needs [Relations Health] in []),
    check!("invalid-index" invalid_index Alert needs [Relations IndexBuilds] in [Indexes]),
    check!("unused-index" unused_index Hygiene needs [Relations Slots IndexFacts] in [Indexes]),
    check!("duplicate-index" duplicate_index Hygiene needs [Relations Slots IndexFacts] in [Indexes]),
    check!("index-heavy-table" index_heavy_table Hygiene needs [Relations] in [Indexes Tables]),
    check!("table-bloat" table_bloat Hygiene needs [Relations TableBloat] in [Tables]),
    check!("index-bloat" index_bloat Hygiene needs [Relations Slots IndexFacts IndexBloat] in [Indexes]),
    check!("missing-fk-index" missing_fk_index Hygiene needs [Relations IndexFacts] in [Indexes]),
    check!("autovacuum-lag" autovacuum_lag Hygiene needs [Relations] in [Tables]),
    check!("temp-files" temp_files Hygiene needs [Databases] in []),
    check!("stats-lost" stats_lost Hygiene needs [Relations] in []),
    check!("unsafe-settings" unsafe_settings Hygiene needs [] in []),
    check!("pending-restart" pending_restart Hygiene needs [Health] in []),
    check!("version" version Hygiene needs [] in []),
    check!("rarely-used-index" rarely_used_index),
    check!("redundant-index" redundant_index),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_pages_name_check_and_remedy() {
        for check in CHECKS {
            assert!(check.page.starts_with(&format!("# {}: ", check.name)), "{}", check.name);
            for part in ["## What it means", "## How it is judged", "## What to do"] {
                assert!(check.page.contains(part), "{}: {part}", check.name);
            }
        }
    }
}
