//! From a snapshot to a judgement: pure functions. One check, one page (`pgtend explain`).

pub mod audit;
mod evidence;
pub mod index;
mod outcome;
pub mod runner;
pub mod slot;
pub mod thresholds;
pub mod wal;

mod autovacuum_lag;
mod checksum_failures;
mod connections;
mod disk_forecast;
mod droppable_indexes;
mod duplicate_index;
mod failed_archiving;
mod id_age;
mod idle_in_transaction;
mod index_bloat;
mod index_heavy_table;
mod invalid_index;
mod lagging_slot;
mod lost_slot;
mod missing_fk_index;
mod multixact;
mod pending_restart;
mod prepared_transactions;
mod relation_bloat;
mod replication_lag;
mod retained_wal;
mod sequence_exhaustion;
mod slot_limit;
mod stale_slot;
mod stats_lost;
mod subscription_errors;
pub mod summary;
mod table_bloat;
mod temp_files;
#[cfg(test)]
mod testing;
mod unsafe_settings;
mod unused_index;
mod version;
mod xid_wraparound;
mod xmin_horizon;

pub use evidence::Evidence;
pub use outcome::{
    CheckOutcome, CheckOutcomeKind, Evaluation, Finding, NotApplicable, exceeded_threshold, require_fact,
};

use crate::model::Class;
use thresholds::Rule;

/// One check: its name and the page that explains it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub name: &'static str,
    /// Markdown; the first line is its title.
    pub page: &'static str,
    /// How `pgtend check` asks it; what only reports on indexes find has none.
    pub nightly: Option<Nightly>,
}

/// A check that is asked every night.
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
    ($name:literal $page:literal) => {
        Check { name: $name, page: include_str!($page), nightly: None }
    };
    ($name:literal $page:literal $class:ident $module:ident) => {
        Check {
            name: $name,
            page: include_str!($page),
            nightly: Some(Nightly { class: Class::$class, rule: || Box::new($module::Limits::default()) }),
        }
    };
}

/// Every check there is.
pub const CHECKS: &[Check] = &[
    check!("stale-slot" "stale_slot.md" Alert stale_slot),
    check!("lagging-slot" "lagging_slot.md" Alert lagging_slot),
    check!("lost-slot" "lost_slot.md" Alert lost_slot),
    check!("slot-limit" "slot_limit.md" Alert slot_limit),
    check!("retained-wal" "retained_wal.md" Alert retained_wal),
    check!("disk-forecast" "disk_forecast.md" Alert disk_forecast),
    check!("failed-archiving" "failed_archiving.md" Alert failed_archiving),
    check!("xid-wraparound" "xid_wraparound.md" Alert xid_wraparound),
    check!("multixact" "multixact.md" Alert multixact),
    check!("xmin-horizon" "xmin_horizon.md" Alert xmin_horizon),
    check!("prepared-transactions" "prepared_transactions.md" Alert prepared_transactions),
    check!("connections" "connections.md" Alert connections),
    check!("idle-in-transaction" "idle_in_transaction.md" Alert idle_in_transaction),
    check!("replication-lag" "replication_lag.md" Alert replication_lag),
    check!("subscription-errors" "subscription_errors.md" Alert subscription_errors),
    check!("checksum-failures" "checksum_failures.md" Alert checksum_failures),
    check!("sequence-exhaustion" "sequence_exhaustion.md" Alert sequence_exhaustion),
    check!("invalid-index" "index/invalid.md" Alert invalid_index),
    check!("unused-index" "index/unused.md" Hygiene unused_index),
    check!("duplicate-index" "index/duplicate.md" Hygiene duplicate_index),
    check!("index-heavy-table" "index_heavy_table.md" Hygiene index_heavy_table),
    check!("table-bloat" "table_bloat.md" Hygiene table_bloat),
    check!("index-bloat" "index_bloat.md" Hygiene index_bloat),
    check!("missing-fk-index" "missing_fk_index.md" Hygiene missing_fk_index),
    check!("autovacuum-lag" "autovacuum_lag.md" Hygiene autovacuum_lag),
    check!("temp-files" "temp_files.md" Hygiene temp_files),
    check!("stats-lost" "stats_lost.md" Hygiene stats_lost),
    check!("unsafe-settings" "unsafe_settings.md" Hygiene unsafe_settings),
    check!("pending-restart" "pending_restart.md" Hygiene pending_restart),
    check!("version" "version.md" Hygiene version),
    check!("rarely-used-index" "index/rarely_used.md"),
    check!("redundant-index" "index/redundant.md"),
    check!("bloated-index" "index/bloated.md"),
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
