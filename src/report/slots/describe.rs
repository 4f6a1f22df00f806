//! Text of the reasons of a slot's verdict.

use crate::analysis::slot::{Gate, KeptRows, Reason};
use crate::render::{format_counted, human_bytes, human_count, human_duration, human_percent};
use jiff::Timestamp;

fn format_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%MZ").to_string()
}

fn in_database(database: Option<&String>) -> String {
    database.map(|database| format!(" in database {database}")).unwrap_or_default()
}

/// Describes a reason as a sentence without a full stop.
pub fn describe_slot_reason(reason: &Reason) -> String {
    match reason {
        Reason::Invalidated { cause, last_slot_may_be_lost } => match cause.as_str() {
            "wal_removed" => {
                "invalidated: it exceeded max_slot_wal_keep_size, and WAL that it needed was removed".to_owned()
            }
            "idle_timeout" => "invalidated: inactive for longer than idle_replication_slot_timeout".to_owned(),
            "rows_removed" => "invalidated: rows that its consumer needed were removed".to_owned(),
            "wal_level_insufficient" if *last_slot_may_be_lost => {
                "invalidated: logical decoding ended on the primary, because its last valid logical slot was dropped or \
                 invalidated, or because its wal_level was lowered"
                    .to_owned()
            }
            "wal_level_insufficient" => "invalidated: the primary's wal_level was set below logical".to_owned(),
            _ => {
                "invalidated; this server version does not report whether WAL or rows were removed, or wal_level was lowered"
                    .to_owned()
            }
        },
        Reason::MayLiveAgain => {
            "before PostgreSQL 18, a lost physical slot becomes valid again if its standby finds the WAL in an archive"
                .to_owned()
        }
        Reason::NeverReserved => {
            "it has never reserved WAL; it retains nothing, but counts toward max_replication_slots".to_owned()
        }
        Reason::InUse { pid, by } => format!(
            "in use{}{}",
            by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default(),
            pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
        ),
        Reason::Unread { bytes: 0 } => "its consumer has confirmed all WAL".to_owned(),
        Reason::Unread { bytes } => {
            format!("its consumer has not confirmed {} of WAL", human_bytes(*bytes))
        }
        Reason::BeyondMaxWalSize { retained_bytes } => {
            format!("it retains {}, more than max_wal_size", human_bytes(*retained_bytes))
        }
        Reason::NearlyLost => "the next checkpoint may remove WAL that it needs".to_owned(),
        Reason::Idle { since, seconds, limit_seconds, since_server_start } => format!(
            "inactive since {} ({}{}); stale after {}",
            format_time(*since),
            human_duration(*seconds),
            if *since_server_start { " or longer: the server start reset inactive_since" } else { "" },
            human_duration(*limit_seconds)
        ),
        Reason::RecordedBefore { seconds } => {
            format!("samples before the server start recorded {} of further inactivity", human_duration(*seconds))
        }
        Reason::MissedADay { .. } => "a daily pipeline would have reconnected by now".to_owned(),
        Reason::Frozen { since, samples, wal_bytes, .. } => format!(
            "no progress since {} ({}), while {} of WAL was written",
            format_time(*since),
            format_counted(*samples, "sample"),
            human_bytes(*wal_bytes)
        ),
        Reason::Unused { since, seconds, samples, longest_gap_seconds, .. } => format!(
            "inactive in all {} since {} ({}), at most {} apart",
            format_counted(*samples, "sample"),
            format_time(*since),
            human_duration(*seconds),
            human_duration(*longest_gap_seconds)
        ),
        Reason::Moved { after } => format!("it has advanced since the sample of {}", format_time(*after)),
        Reason::ConnectedWithoutProgress { at } => format!(
            "broken consumer, contact its owner: it connected at {} and confirmed none of the unread WAL",
            format_time(*at)
        ),
        Reason::MovedUnseen { after } => format!(
            "it advanced after the sample of {}, although inactive_since shows no connection",
            format_time(*after)
        ),
        Reason::NothingToRead { bytes } => format!(
            "only {} of WAL was written after its position, less than one segment: its consumer had nothing to read",
            human_bytes(*bytes)
        ),
        Reason::PositionUnknown => {
            "its position or the current WAL position is unknown, so it cannot be proven stale".to_owned()
        }
        Reason::ProvenFrom { at } => {
            format!("it becomes stale at {} if no consumer connects before then", format_time(*at))
        }
        Reason::NeedsSamples { have, need, longest_gap_seconds, limit_gap_seconds, earliest } => format!(
            "not enough history: needs at least {}, at most {} apart, the last at {} or later; so far {}{} (before \
             PostgreSQL 17, the server does not record inactive_since; run `pgtend history record` every few hours)",
            format_counted(*need, "sample"),
            human_duration(*limit_gap_seconds),
            format_time(*earliest),
            human_count(*have),
            if *have > 1 { format!(", up to {} apart", human_duration(*longest_gap_seconds)) } else { String::new() }
        ),
        Reason::KeepsRows { rows, xmin_age, freeze_max_age } => {
            let scope = if *rows == KeptRows::All { "all tables" } else { "the system catalogs" };
            let share = freeze_max_age.filter(|most| *most > 0).map(|most| *xmin_age as f64 / most as f64);
            let consequence = match share {
                Some(share) if share >= 1.0 => {
                    "; this exceeds autovacuum_freeze_max_age: vacuums to prevent wraparound run without effect, and \
                     at two billion transactions the server stops accepting writes"
                        .to_owned()
                }
                Some(share) if share >= 0.01 => format!(", {} of autovacuum_freeze_max_age", human_percent(share)),
                _ => String::new(),
            };
            let count = format_counted(*xmin_age, "transaction");
            format!("VACUUM cannot remove rows of {scope} that died within the last {count}{consequence}")
        }
        Reason::PinnedByTransaction { pid, database, role, seconds, query, bytes } => format!(
            "pinned by a transaction{}: pid {pid}{}{}{}; {} of confirmed WAL is retained until it ends",
            in_database(database.as_ref()),
            role.as_ref().map(|role| format!(" of {role}")).unwrap_or_default(),
            seconds.map(|seconds| format!(", open for {}", human_duration(seconds))).unwrap_or_default(),
            query.as_ref().map(|query| format!(", last statement: {query} …")).unwrap_or_default(),
            human_bytes(*bytes)
        ),
        Reason::PinnedByPrepared { gid, database, owner, seconds, bytes } => format!(
            "pinned by the prepared transaction {gid} of {owner} in database {database}, prepared {} ago; {} of \
             confirmed WAL is retained until it is committed or rolled back",
            human_duration(*seconds),
            human_bytes(*bytes)
        ),
        Reason::TransactionsHidden { bytes } => format!(
            "{} of confirmed WAL is retained; the transaction that pins it is hidden from this role (needs pg_read_all_stats)",
            human_bytes(*bytes)
        ),
        Reason::SentNotConfirmed { bytes } => format!(
            "{} of WAL was sent to its consumer and not confirmed: the consumer is slow, or confirms only its own changes",
            human_bytes(*bytes)
        ),
        Reason::NotSent { bytes } => {
            format!("{} of WAL was not sent yet: decoding or the network is slow, or a standby delays it", human_bytes(*bytes))
        }
        Reason::WaitsForStandby { standby_slot, gate } => format!(
            "it waits for standby slot {standby_slot} in synchronized_standby_slots, which {}",
            match gate {
                Gate::Missing => "does not exist",
                Gate::Inactive => "is inactive",
                Gate::Lost => "is lost",
                Gate::Behind => "is behind, too",
            }
        ),
        Reason::IdleDatabase { database, wal_bytes } => format!(
            "no rows were written in database {database}, while {} of WAL was written in total: its consumer confirms \
             only changes of that database; a heartbeat table would advance the slot",
            human_bytes(*wal_bytes)
        ),
        Reason::CopyMayRun => {
            "its name is that of a table's initial copy, whose slot is inactive during the copy; whether a copy runs \
             is hidden from this role (needs pg_read_all_stats)"
                .to_owned()
        }
        Reason::SyncedCopy => "synchronized from the primary: its verdict there applies".to_owned(),
        Reason::SyncSkipped { cause, count, last } => format!(
            "the last synchronization from the primary was skipped: {cause}{}{}",
            count.map(|count| format!("; {} so far", format_counted(count, "skip"))).unwrap_or_default(),
            last.map(|last| format!(", the last at {}", format_time(last))).unwrap_or_default()
        ),
        Reason::PluginNotListed { plugin, remedy } => format!(
            "its consumer cannot connect: output_plugin_libraries does not list {plugin}. Remedy: {remedy}"
        ),
        Reason::Temporary => "temporary: the server drops it when its session ends".to_owned(),
        Reason::Failover => "failover slot: its copies on standbys are dropped with it".to_owned(),
        Reason::GatesFailoverSlots => {
            "listed in synchronized_standby_slots: without it, consumers of failover slots wait indefinitely".to_owned()
        }
        Reason::LastLogicalSlot => {
            "last valid logical slot of this server, whose wal_level is replica: without it, all logical slots of all \
             standbys are invalidated"
                .to_owned()
        }
        Reason::Managed { by } => format!("managed by {by}"),
        Reason::ManagerSeen { by, sign } => format!("{by} manages this cluster ({sign}) and may own the slot"),
    }
}

/// Returns the most important reasons for the list, the worst first.
pub fn headline<'a>(reasons: impl Iterator<Item = &'a Reason>) -> Option<String> {
    let weight = |reason: &Reason| match reason {
        Reason::Invalidated { .. } => 0,
        Reason::NearlyLost | Reason::PluginNotListed { .. } => 1,
        Reason::SyncSkipped { .. } => 2,
        Reason::PinnedByPrepared { .. } | Reason::PinnedByTransaction { .. } | Reason::WaitsForStandby { .. } => 2,
        Reason::SentNotConfirmed { .. } | Reason::NotSent { .. } => 4,
        Reason::TransactionsHidden { .. } | Reason::IdleDatabase { .. } | Reason::ConnectedWithoutProgress { .. } => 3,
        Reason::NothingToRead { .. } => 4,
        Reason::BeyondMaxWalSize { .. } => 7,
        Reason::Idle { .. } | Reason::SyncedCopy | Reason::CopyMayRun => 6,
        Reason::Frozen { .. } | Reason::Unused { .. } => 5,
        Reason::ProvenFrom { .. } | Reason::NeedsSamples { .. } => 8,
        _ => 9,
    };
    reasons.filter(|reason| weight(reason) < 9).min_by_key(|reason| weight(reason)).map(describe_slot_reason)
}
