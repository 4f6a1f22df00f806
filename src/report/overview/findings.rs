//! What is at risk by plain arithmetic, and what to look at next.

use crate::analysis::slot::SlotVerdict;
use crate::analysis::wal::{BindingHolder, TimeLeft, find_wal_accumulation};
use crate::facts::{Index, Settings, Snapshot};
use crate::quote::{PrintedConnection, ShellCommand};
use crate::render::{format_ratio, human_bytes};
use crate::report::{slots, wal};
use serde::Serialize;

/// Something at risk, by plain arithmetic.
#[derive(Debug, Serialize)]
pub struct RiskFinding {
    pub subject: String,
    pub message: String,
}

/// A command worth running next.
#[derive(Debug, Serialize)]
pub struct NextCommand {
    pub command: String,
    description: String,
}

/// Inactive slots that hold less than this are not called a risk: a few segments are always about.
const MIN_RETAINED_BYTES: u64 = 64 << 20;

/// Seconds; a disk that lasts longer is no risk yet.
const MIN_SECONDS_TO_FULL: u64 = 14 * 86_400;

/// Everything at risk, the gravest kind first.
pub fn risk_findings(
    snapshot: &Snapshot,
    until_full: Option<TimeLeft>,
    wal_bytes: Option<u64>,
    ratio: Option<f64>,
    slots: &[slots::Row],
) -> Vec<RiskFinding> {
    let mut findings = Vec::new();
    let mut find = |subject: &str, message: String| findings.push(RiskFinding { subject: subject.to_owned(), message });
    if let Some(time_left) =
        until_full.filter(|left| left.min_seconds.is_some_and(|soonest| soonest < MIN_SECONDS_TO_FULL))
        && let Some(accumulation) = find_wal_accumulation(snapshot)
    {
        find(
            "disk",
            format!(
                "the disk is full in {}: {}",
                wal::format_time_left(&time_left),
                wal::describe_accumulation(&accumulation)
            ),
        );
    }
    let max_wal_size = snapshot.settings.known().and_then(|settings| settings.bytes("max_wal_size"));
    // A small database beside its usual max_wal_size of WAL is no risk; beyond twice that something holds it.
    if let (Some(wal), Some(ratio), Some(usual)) = (wal_bytes, ratio, max_wal_size)
        && ratio > 1.0
        && wal > usual.saturating_mul(2)
    {
        let holder = BindingHolder::find(snapshot).map(|holder| format!(": {holder} keeps it")).unwrap_or_default();
        find(
            "pg_wal",
            format!(
                "pg_wal is {} your data and {} max_wal_size{holder}",
                format_ratio(ratio),
                format_ratio(wal as f64 / usual as f64)
            ),
        );
    }
    for slot in slots {
        let name = &slot.slot_name;
        let held = slot.retained_bytes.filter(|bytes| *bytes >= MIN_RETAINED_BYTES).map(human_bytes);
        match (slot.verdict, held) {
            (SlotVerdict::Lost, _) => find(name, format!("slot {name} is lost: its consumer must start anew")),
            (SlotVerdict::Stale, held) => {
                let held = held.map(|held| format!(", it holds {held} of WAL")).unwrap_or_default();
                find(name, format!("slot {name} is stale, proven forgotten{held}"));
            }
            (SlotVerdict::Inactive, Some(held)) => {
                find(name, format!("nobody reads slot {name}, it holds {held} of WAL"))
            }
            (SlotVerdict::Lagging, Some(held)) => {
                find(name, format!("slot {name} is in use but falls behind, it holds {held} of WAL"));
            }
            _ => {}
        }
    }
    let settings = snapshot.settings.known();
    let archives = settings.and_then(|settings| settings.archives(snapshot.server.in_recovery));
    if archives == Some(true) && settings.and_then(Settings::has_archive_command) == Some(false) {
        find("archiver", "archive_mode is on without a command: every segment waits for ever".to_owned());
    } else if archives != Some(false)
        && let Some(archiver) = snapshot.archiver.known()
        && archiver.last_failed_time > archiver.last_archived_time
    {
        let wal = archiver.last_failed_wal.as_deref().unwrap_or("a segment");
        find("archiver", format!("archiving fails at {wal}; WAL stays until it succeeds"));
    }
    for db in &snapshot.database_snapshots {
        let invalid: Vec<&Index> = db.indexes.known().map_or(Vec::new(), |indexes| {
            indexes.iter().filter(|index| !index.is_valid && !index.is_partitioned).collect()
        });
        if !invalid.is_empty() {
            let names: Vec<&str> = invalid.iter().take(3).map(|index| index.index.as_str()).collect();
            let more = if invalid.len() > 3 { format!(" and {} more", invalid.len() - 3) } else { String::new() };
            find(&db.database, format!("invalid in database {}: {}{more}", db.database, names.join(", ")));
        }
    }
    findings
}

/// The commands that look closer.
pub fn next_commands(
    findings: &[RiskFinding],
    slots: &[slots::Row],
    connection: &PrintedConnection,
) -> Vec<NextCommand> {
    let next = |command: &str, description: &str| NextCommand {
        command: connection.command(command),
        description: description.to_owned(),
    };
    let mut commands = Vec::new();
    let mut stale = slots.iter().filter(|slot| slot.verdict == SlotVerdict::Stale && slot.protection.is_none());
    match (stale.next(), stale.next()) {
        (Some(one), None) => {
            let command = ShellCommand::new("pgtend slots drop").operand(&one.slot_name);
            commands.push(next(
                &command.to_string(),
                "the plan first: what is freed, what is lost; it asks before it drops",
            ));
        }
        (Some(_), Some(_)) => {
            commands.push(next("pgtend slots drop --stale", "the plan first: what is freed, what is lost; it asks"));
        }
        (None, _) => {}
    }
    if !slots.is_empty() {
        commands.push(next("pgtend slots", "what each slot holds, whose it is, whether anybody still uses it"));
    }
    if findings.iter().any(|finding| matches!(finding.subject.as_str(), "pg_wal" | "archiver" | "disk")) {
        commands.push(next("pgtend wal", "what bounds pg_wal, how fast it grows, archiving"));
    }
    commands.push(next("pgtend tables", "heap, indexes and TOAST of every table"));
    commands.push(next("pgtend indexes --sort scans", "indexes, the never scanned first"));
    commands
}
