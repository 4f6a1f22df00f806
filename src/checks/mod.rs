//! Rules with an id, their thresholds and their pages (`pgtend explain`): pure functions of a snapshot and its history.

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

pub use evidence::Evidence;
pub use outcome::{
    CheckOutcome, CheckOutcomeKind, Evaluation, NotApplicable, RuleFinding, exceeded_threshold, require_fact,
};

use crate::facts::Class;
use thresholds::Rule;

/// A check: its id and the page that explains it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub name: &'static str,
    /// Markdown; the first line is its title.
    pub page: &'static str,
    /// How `pgtend check` evaluates it. A check that only reports on indexes evaluate has none.
    pub nightly: Option<Nightly>,
}

/// A check that `pgtend check` evaluates.
#[derive(Clone, Copy, Debug)]
pub struct Nightly {
    pub class: Class,
    /// The check with its default limits.
    pub rule: fn() -> Box<dyn Rule>,
}

impl Check {
    /// What the page's first line says after the name.
    pub fn summary(&self) -> &'static str {
        let title = self.page.lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, summary)| summary)
    }
}

macro_rules! check {
    ($name:literal $module:ident) => {
        Check { name: $name, page: include_str!(concat!("rules/", stringify!($module), ".md")), nightly: None }
    };
    ($name:literal $module:ident $class:ident) => {
        Check {
            name: $name,
            page: include_str!(concat!("rules/", stringify!($module), ".md")),
            nightly: Some(Nightly { class: Class::$class, rule: || Box::new(rules::$module::Limits::default()) }),
        }
    };
}

/// All checks.
pub const CHECKS: &[Check] = &[
    check!("stale-slot" stale_slot Alert),
    check!("lagging-slot" lagging_slot Alert),
    check!("lost-slot" lost_slot Alert),
    check!("slot-limit" slot_limit Alert),
    check!("retained-wal" retained_wal Alert),
    check!("disk-forecast" disk_forecast Alert),
    check!("failed-archiving" failed_archiving Alert),
    check!("xid-wraparound" xid_wraparound Alert),
    check!("multixact" multixact Alert),
    check!("xmin-horizon" xmin_horizon Alert),
    check!("prepared-transactions" prepared_transactions Alert),
    check!("connections" connections Alert),
    check!("idle-in-transaction" idle_in_transaction Alert),
    check!("replication-lag" replication_lag Alert),
    check!("subscription-errors" subscription_errors Alert),
    check!("checksum-failures" checksum_failures Alert),
    check!("sequence-exhaustion" sequence_exhaustion Alert),
    check!("invalid-index" invalid_index Alert),
    check!("unused-index" unused_index Hygiene),
    check!("duplicate-index" duplicate_index Hygiene),
    check!("index-heavy-table" index_heavy_table Hygiene),
    check!("table-bloat" table_bloat Hygiene),
    check!("index-bloat" index_bloat Hygiene),
    check!("missing-fk-index" missing_fk_index Hygiene),
    check!("autovacuum-lag" autovacuum_lag Hygiene),
    check!("temp-files" temp_files Hygiene),
    check!("stats-lost" stats_lost Hygiene),
    check!("unsafe-settings" unsafe_settings Hygiene),
    check!("pending-restart" pending_restart Hygiene),
    check!("version" version Hygiene),
    check!("rarely-used-index" rarely_used_index),
    check!("redundant-index" redundant_index),
    check!("bloated-index" bloated_index),
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
