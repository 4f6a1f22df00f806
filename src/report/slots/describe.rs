//! Text of the reasons of a slot's verdict.

use crate::analysis::slot::{Gate, KeptRows, Reason};
use crate::render::{human_bytes, human_count, human_duration, human_percent};
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
        Reason::Invalidated { cause } => match cause.as_str() {
            "wal_removed" => {
                "invalidated: it fell behind max_slot_wal_keep_size, and the WAL it needed was removed".to_owned()
            }
            "idle_timeout" => "invalidated: unused for longer than idle_replication_slot_timeout".to_owned(),
            "rows_removed" => "invalidated: rows its consumer needed were removed".to_owned(),
            "wal_level_insufficient" => "invalidated: wal_level fell below logical".to_owned(),
            _ => {
                "invalidated; this version does not tell whether WAL or rows were removed, or wal_level fell".to_owned()
            }
        },
        Reason::MayLiveAgain => {
            "before 18 a standby that finds the WAL in an archive brings a lost physical slot back to life".to_owned()
        }
        Reason::NeverReserved => {
            "it never reserved WAL and holds nothing but a place in max_replication_slots".to_owned()
        }
        Reason::InUse { pid, by } => format!(
            "in use{}{}",
            by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default(),
            pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
        ),
        Reason::Unread { bytes } => {
            format!("{} of WAL lie beyond what its consumer has confirmed", human_bytes(*bytes))
        }
        Reason::BeyondMaxWalSize { retained_bytes } => {
            format!("it holds {}, more than max_wal_size", human_bytes(*retained_bytes))
        }
        Reason::NearlyLost => "the next checkpoint may remove the WAL it needs".to_owned(),
        Reason::Idle { since, seconds, limit_seconds, since_server_start } => format!(
            "nobody has used it since {}, {}{}; the limit is {}",
            format_time(*since),
            human_duration(*seconds),
            if *since_server_start { ", or longer: the server started about then, which sets it anew" } else { "" },
            human_duration(*limit_seconds)
        ),
        Reason::RecordedBefore { seconds } => {
            format!("looks before the server started saw it on record as unused for {} more", human_duration(*seconds))
        }
        Reason::MissedADay { .. } => "a pipeline that runs once a day would have come back by now".to_owned(),
        Reason::Frozen { since, samples: looks, wal_bytes, .. } => format!(
            "it has stood at the same position since {} in all of {} looks, while {} of WAL were written",
            format_time(*since),
            human_count(*looks),
            human_bytes(*wal_bytes)
        ),
        Reason::Unused { since, seconds, samples: looks, longest_gap_seconds, .. } => format!(
            "nobody used it in any of {} looks since {}, {}, at most {} apart",
            human_count(*looks),
            format_time(*since),
            human_duration(*seconds),
            human_duration(*longest_gap_seconds)
        ),
        Reason::Moved { after } => format!("it has moved since the look of {}", format_time(*after)),
        Reason::ConnectedWithoutProgress { at: seen } => {
            format!(
                "broken consumer, call its owner: it was there at {}, had WAL to read and read none of it",
                format_time(*seen)
            )
        }
        Reason::MovedUnseen { after } => {
            format!(
                "it moved after the look of {} although nobody is on record for having used it",
                format_time(*after)
            )
        }
        Reason::NothingToRead { bytes } => {
            format!(
                "{} were written beyond its position, less than a segment: there was nothing to come back for",
                human_bytes(*bytes)
            )
        }
        Reason::PositionUnknown => "where WAL is now could not be read, so that nothing can be proven".to_owned(),
        Reason::ProvenFrom { at: from } => {
            format!("proven stale from {} on, if nobody uses it until then", format_time(*from))
        }
        Reason::NeedsSamples { have, need, longest_gap_seconds, limit_gap_seconds, earliest } => format!(
            "not proven: this version keeps no record of use; {} looks at most {} apart are needed until {} at the \
             earliest, there are {}{} (let `pgtend history record` look every few hours)",
            human_count(*need),
            human_duration(*limit_gap_seconds),
            format_time(*earliest),
            human_count(*have),
            if *have > 1 { format!(", {} apart", human_duration(*longest_gap_seconds)) } else { String::new() }
        ),
        Reason::KeepsRows { rows, xmin_age, freeze_max_age } => {
            let scope = if *rows == KeptRows::All { "all tables" } else { "the catalogs" };
            let share = freeze_max_age.filter(|most| *most > 0).map(|most| *xmin_age as f64 / most as f64);
            let price = match share {
                Some(share) if share >= 1.0 => {
                    "; that is beyond autovacuum_freeze_max_age: vacuums against wraparound run and cannot get past \
                     them, and at two billion the server takes no more writes"
                        .to_owned()
                }
                Some(share) if share >= 0.01 => format!(", {} of autovacuum_freeze_max_age", human_percent(share)),
                _ => String::new(),
            };
            let count = human_count(*xmin_age);
            format!("VACUUM must keep what died in {scope} within the last {count} transactions{price}")
        }
        Reason::PinnedByTransaction { pid, database, role, seconds, query, bytes } => format!(
            "pinned by a transaction{}: pid {pid}{}{}{}; {} of WAL that is confirmed stays until it ends",
            in_database(database.as_ref()),
            role.as_ref().map(|role| format!(" of {role}")).unwrap_or_default(),
            seconds.map(|seconds| format!(", open for {}", human_duration(seconds))).unwrap_or_default(),
            query.as_ref().map(|query| format!(", last statement: {query} …")).unwrap_or_default(),
            human_bytes(*bytes)
        ),
        Reason::PinnedByPrepared { gid, database, owner, seconds, bytes } => format!(
            "pinned by the prepared transaction {gid} of {owner} in database {database}, {} old; {} of WAL that is \
             confirmed stays until it is committed or rolled back",
            human_duration(*seconds),
            human_bytes(*bytes)
        ),
        Reason::TransactionsHidden { bytes } => format!(
            "{} of WAL that is confirmed stays; the transaction that pins it is hidden from this role (pg_read_all_stats)",
            human_bytes(*bytes)
        ),
        Reason::SentNotConfirmed { bytes } => format!(
            "{} were sent to its consumer, which has not confirmed them: it is slow, or confirms changes of its own only",
            human_bytes(*bytes)
        ),
        Reason::NotSent { bytes } => {
            format!("{} are not sent yet: decoding or the line is slow, or something holds it up", human_bytes(*bytes))
        }
        Reason::WaitsForStandby { standby_slot, gate } => format!(
            "it waits for standby slot {standby_slot} of synchronized_standby_slots, which {}",
            match gate {
                Gate::Missing => "does not exist",
                Gate::Inactive => "nobody uses",
                Gate::Lost => "is lost",
                Gate::Behind => "is behind itself",
            }
        ),
        Reason::IdleDatabase { database, wal_bytes } => format!(
            "nothing was written in database {database} while {} were written elsewhere: its consumer confirms only \
             changes of its own; a heartbeat table would move it",
            human_bytes(*wal_bytes)
        ),
        Reason::CopyMayRun => {
            "named as the slot of a table's initial copy, which nobody holds while it runs; whether one \
                               runs is hidden from this role (pg_read_all_stats)"
                .to_owned()
        }
        Reason::SyncedCopy => "a copy that this standby syncs from its primary: judge it there".to_owned(),
        Reason::Temporary => "temporary: it ends with its session".to_owned(),
        Reason::Failover => "a failover slot: standbys keep copies, which go with it".to_owned(),
        Reason::GatesFailoverSlots => {
            "named in synchronized_standby_slots: without it the consumers of failover slots wait for ever".to_owned()
        }
        Reason::Managed { by } => format!("managed by {by}"),
        Reason::ManagerSeen { by, sign } => format!("{by} manages this cluster ({sign}), and may own it"),
    }
}

/// Returns the most important reasons for the list, the worst first.
pub fn headline<'a>(reasons: impl Iterator<Item = &'a Reason>) -> Option<String> {
    let weight = |reason: &Reason| match reason {
        Reason::Invalidated { .. } => 0,
        Reason::NearlyLost => 1,
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
