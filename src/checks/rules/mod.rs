//! The registry of checks. Each check has its rule in `<check_id>.rs` and its page in `<check_id>.md`. Only this file
//! names the modules: one line declares the module, one line of [`CHECKS`] registers the check.

mod autovacuum_lag;
mod checksum_failures;
mod connections;
mod deduplicated_char_index;
mod disk_forecast;
mod duplicate_index;
mod failed_archiving;
mod failover_slot_sync;
mod idle_in_transaction;
mod index_bloat;
mod index_heavy_table;
mod invalid_index;
mod lagging_slot;
mod lock_waits;
mod lost_slot;
mod missing_fk_index;
mod multixact;
mod pending_restart;
mod post_update_tasks;
mod prepared_transactions;
mod replication_lag;
mod retained_wal;
mod sequence_exhaustion;
mod slot_limit;
mod stale_slot;
mod stats_lost;
mod subscription_errors;
mod table_bloat;
mod temp_files;
mod unsafe_settings;
mod unused_index;
mod version;
mod xid_wraparound;
mod xmin_horizon;

use super::{Check, Nightly, ReportName};
use crate::facts::{Class, FactGroup, FactGroups};

macro_rules! check {
    ($name:literal $module:ident) => {
        Check {
            name: $name,
            page: include_str!(concat!(stringify!($module), ".md")),
            nightly: None,
            facts: FactGroups::NONE,
            reports: &[],
        }
    };
    ($name:literal $module:ident $class:ident needs [$($fact:ident)*] in [$($report:ident)*]) => {
        Check {
            name: $name,
            page: include_str!(concat!(stringify!($module), ".md")),
            nightly: Some(Nightly { class: Class::$class, rule: || Box::new($module::Limits::default()) }),
            facts: FactGroups::new(&[$(FactGroup::$fact),*]),
            reports: &[$(ReportName::$report),*],
        }
    };
}

/// Every check, in the order of evaluation: its id, its module and class, the groups of facts that it needs, and the
/// reports on one subject that show its findings.
pub const CHECKS: &[Check] = &[
    check!("stale-slot" stale_slot Alert needs [Slots] in [Slots]),
    check!("lagging-slot" lagging_slot Alert needs [Slots] in [Slots]),
    check!("lost-slot" lost_slot Alert needs [Slots] in [Slots]),
    check!("slot-limit" slot_limit Alert needs [Slots] in [Slots]),
    check!("failover-slot-sync" failover_slot_sync Alert needs [Slots] in [Slots]),
    check!("retained-wal" retained_wal Alert needs [Slots Wal] in [Wal]),
    check!("disk-forecast" disk_forecast Alert needs [Wal Databases Storage] in [Wal]),
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
    check!("unused-index" unused_index Hygiene needs [Relations IndexFacts] in [Indexes]),
    check!("duplicate-index" duplicate_index Hygiene needs [Relations IndexFacts] in [Indexes]),
    check!("index-heavy-table" index_heavy_table Hygiene needs [Relations] in [Indexes Tables]),
    check!("table-bloat" table_bloat Hygiene needs [Relations TableBloat] in [Tables]),
    check!("index-bloat" index_bloat Hygiene needs [Relations IndexFacts IndexBloat] in [Indexes]),
    check!("deduplicated-char-index" deduplicated_char_index Hygiene needs [Relations IndexBloat] in [Indexes]),
    check!("missing-fk-index" missing_fk_index Hygiene needs [Relations IndexFacts] in [Indexes]),
    check!("autovacuum-lag" autovacuum_lag Hygiene needs [Relations Autovacuum] in [Tables]),
    check!("temp-files" temp_files Hygiene needs [Databases] in []),
    check!("stats-lost" stats_lost Hygiene needs [Relations] in []),
    check!("unsafe-settings" unsafe_settings Hygiene needs [] in []),
    check!("pending-restart" pending_restart Hygiene needs [Health] in []),
    check!("post-update-tasks" post_update_tasks Hygiene needs [Relations PostUpdate] in []),
    check!("version" version Hygiene needs [] in []),
    check!("rarely-used-index" rarely_used_index),
    check!("redundant-index" redundant_index),
];
