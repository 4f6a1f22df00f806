//! `pgtend slots why`: one slot with all evidence, for a ticket.

use super::{Row, note_missing_columns, slot_rows};
use crate::analysis::slot::{Confidence, EMPTY_COST, Owner, PIPELINE_COST, STANDBY_COST, SlotVerdict};
use crate::analysis::wal::{Cause, Holder, Retention, TimeLeft};
use crate::checks::Evidence;
use crate::facts::history::WalInterval;
use crate::facts::{Slot, SlotType, Snapshot};
use crate::render::{Cell, Column, Document, Table, Tone, Value, human_bytes, human_duration};
use crate::report::wal::{DiskLine, SlotForecast, format_time_left, known_headroom, wal_growth};
use crate::report::{Gaps, Report};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend slots why`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SlotDetailReport {
    /// The slot, as in the list.
    slots: [Row; 1],
    why: SlotDetail,
    #[serde(skip)]
    remaining: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SlotDetail {
    server: String,
    /// Bytes that a drop releases at once: 0.
    frees_now_bytes: u64,
    frees_at_checkpoint_bytes: Option<u64>,
    /// Bytes of these that may remain as recycled segments for future WAL.
    may_be_recycled_bytes: Option<u64>,
    /// Next holder of WAL; null when the slot retains nothing.
    held_beyond_by: Option<String>,
    checkpoint_timeout_seconds: Option<u64>,
    /// Time until the disk is full if the slot makes no progress; null when it retains nothing.
    until_full: Option<TimeLeft>,
    /// Time until `max_slot_wal_keep_size` invalidates it; null without this limit.
    until_lost: Option<TimeLeft>,
    /// Time at which `idle_replication_slot_timeout` invalidates it; null without this limit, or while it is in use.
    timeout_at: Option<Timestamp>,
    /// Consequence of a drop for the owner.
    cost: String,
}

impl SlotDetailReport {
    /// Returns the report on a slot; `None` when no slot has this name.
    pub fn find(evidence: &Evidence<'_>, name: &str, gaps: &mut Gaps) -> Option<SlotDetailReport> {
        let snapshot = evidence.snapshot;
        let row = slot_rows(evidence, "slots", gaps).into_iter().find(|row| row.slot_name == name)?;
        note_missing_columns(snapshot, gaps);
        let slot = snapshot.slots.known()?.iter().find(|slot| slot.slot_name == name)?;
        let settings =
            gaps.get_or_note(&snapshot.settings, &["why.may_be_recycled_bytes", "why.checkpoint_timeout_seconds"]);
        let retention = Retention::from_snapshot(snapshot);
        if let Err(why) = &retention {
            let fields = ["why.frees_at_checkpoint_bytes", "why.may_be_recycled_bytes", "why.held_beyond_by"];
            let missing = if slot.retained_from().is_some() { &fields[..] } else { &fields[2..] };
            gaps.note(why, missing, Vec::new());
        }
        let frees = row.reclaimable_bytes;
        let may_be_recycled_bytes = settings
            .and_then(|settings| settings.bytes("max_wal_size"))
            .zip(frees)
            .map(|(most, frees)| frees.min(most));
        let generic = match (row.verdict, slot.slot_type) {
            (SlotVerdict::Empty, _) => EMPTY_COST,
            (_, SlotType::Physical) => STANDBY_COST,
            (_, SlotType::Logical) => PIPELINE_COST,
        };
        let remaining = TimeRemaining::new(snapshot, &evidence.history.wal, slot, gaps);
        let server = &snapshot.server;
        let why = SlotDetail {
            server: format!(
                "PostgreSQL {} {}, database {} as {}",
                server.version_text(),
                if server.in_recovery { "standby" } else { "primary" },
                server.database,
                server.role
            ),
            frees_now_bytes: 0,
            frees_at_checkpoint_bytes: frees,
            may_be_recycled_bytes,
            held_beyond_by: retention.ok().filter(|_| slot.retained_from().is_some()).and_then(|retention| {
                let next = retention.oldest_other_holder(slot)?;
                Some(describe_holder(next))
            }),
            checkpoint_timeout_seconds: settings
                .and_then(|settings| settings.text("checkpoint_timeout"))
                .and_then(|text| text.parse().ok()),
            until_full: remaining.until_full,
            until_lost: remaining.slot.as_ref().and_then(|slot| slot.until_lost),
            timeout_at: remaining.slot.as_ref().and_then(|slot| slot.timeout_at),
            cost: row.owner.as_ref().map_or(generic, |owner| &owner.cost).to_owned(),
        };
        Some(SlotDetailReport { slots: [row], why, remaining: remaining.lines })
    }
}

/// Names a holder of WAL.
pub(super) fn describe_holder(holder: &Holder) -> String {
    match (holder.cause, &holder.name) {
        (Cause::Slot, Some(name)) => format!("slot {name}"),
        (Cause::Slot, None) => "a slot".to_owned(),
        (Cause::Archiver, _) => "the archiver's backlog".to_owned(),
        (Cause::WalKeepSize, _) => "wal_keep_size".to_owned(),
        (Cause::Checkpoint, _) => "the last checkpoint".to_owned(),
        (Cause::Summarizer, _) => "the WAL summarizer".to_owned(),
    }
}

/// Names the owner, its certainty and the source of the rule.
pub(super) fn describe_owner(owner: &Owner) -> String {
    let certainty = if owner.confidence == Confidence::Certain { "" } else { "probably " };
    format!("{certainty}{} (rule: {})", owner.name, owner.source)
}

/// Describes the part of the reclaimable WAL that may stay in `pg_wal`.
pub(super) fn describe_recycled(bytes: u64) -> String {
    format!("Of that, up to {} may stay in pg_wal as recycled segments (max_wal_size).", human_bytes(bytes))
}

/// Describes the holder that retains the remaining WAL.
pub(super) fn describe_next_holder(holder: &str, reclaimable_bytes: Option<u64>) -> String {
    match reclaimable_bytes {
        Some(0) => format!("The same WAL is also retained by {holder}."),
        _ => format!("The remaining WAL is retained by {holder}."),
    }
}

impl Report for SlotDetailReport {
    const COMMAND: &'static str = "slots why";

    fn document(&self) -> Document {
        let ([slot], why) = (&self.slots, &self.why);
        let mut document = Document::default();
        let verdict = match slot.verdict {
            SlotVerdict::Healthy => ("healthy", Tone::Good),
            SlotVerdict::Lagging => ("lagging: in use, but falling behind or making no progress", Tone::Warning),
            SlotVerdict::Inactive => ("inactive: not in use, and not proven stale", Tone::Warning),
            SlotVerdict::Stale => ("stale: unused for longer than the limit, with unread WAL", Tone::Bad),
            SlotVerdict::Lost => ("lost: invalidated, and retains no WAL", Tone::Bad),
            SlotVerdict::Empty => ("empty: has never reserved WAL", Tone::Faint),
        };
        document.heading(format!("Slot {}", slot.slot_name));
        document.toned_line(verdict.0, verdict.1);
        let mut facts: Vec<Vec<Cell>> = Vec::new();
        let mut fact = |name: &str, value: Cell| facts.push(vec![Cell::text(name), value]);
        fact("slot_type", Cell::text(if slot.slot_type == SlotType::Physical { "physical" } else { "logical" }));
        fact("plugin", Cell::or_none(slot.plugin.clone(), Value::Text));
        fact("database", Cell::or_none(slot.database.clone(), Value::Name));
        fact("active", Cell::flag(slot.active));
        fact("inactive_since", Cell::or_none(slot.inactive_since, Value::Time));
        fact("restart_lsn", Cell::or_none(slot.restart_lsn, Value::Lsn));
        fact("confirmed_flush_lsn", Cell::or_none(slot.confirmed_flush_lsn, Value::Lsn));
        fact("retained WAL", Cell::or_unknown(slot.retained_bytes, Value::Bytes));
        fact(
            "safe_wal_size",
            Cell::or_none(slot.safe_wal_size.map(|bytes| u64::try_from(bytes).unwrap_or(0)), Value::Bytes),
        );
        fact("xmin age", Cell::or_none(slot.xmin_age.map(i64::unsigned_abs), Value::Count));
        fact("catalog_xmin age", Cell::or_none(slot.catalog_xmin_age.map(i64::unsigned_abs), Value::Count));
        document.gap().table(Table {
            columns: vec![Column::text("what", "", 0), Column::text("value", "", 0)],
            rows: facts,
            left_out: 0,
        });
        document.gap().heading("Reasons");
        for reason in &slot.reasons {
            document.line(format!("- {}.", reason.message));
        }
        if !self.remaining.is_empty()
            && !matches!(slot.verdict, SlotVerdict::Healthy | SlotVerdict::Empty | SlotVerdict::Lost)
        {
            document.gap().heading("Forecast");
            for line in &self.remaining {
                document.line(format!("- {line}."));
            }
        }
        document.gap().heading("Owner");
        match &slot.owner {
            Some(owner) => document.line(format!("{}.", describe_owner(owner))),
            None => document.line("Unknown: no rule matches the slot. Find its owner before you drop it."),
        };
        document.line(format!("Consequence of a drop: {}", why.cost));
        document.gap().heading("Reclaimable WAL");
        document.line("Immediately: 0 B.");
        let when = why.checkpoint_timeout_seconds.map_or(String::new(), |timeout| {
            format!(" (checkpoint_timeout is {}; an idle server may take longer)", human_duration(timeout))
        });
        let frees = why.frees_at_checkpoint_bytes.map_or("unknown".to_owned(), human_bytes);
        document.line(format!("At the next checkpoint{when}: {frees}."));
        if let Some(recycled) = why.may_be_recycled_bytes.filter(|bytes| *bytes > 0) {
            document.line(describe_recycled(recycled));
        }
        if let Some(holder) = &why.held_beyond_by {
            document.line(describe_next_holder(holder, why.frees_at_checkpoint_bytes));
        }
        document
    }
}

pub struct TimeRemaining {
    pub until_full: Option<TimeLeft>,
    /// Forecast of the slot; `None` without a limit.
    pub slot: Option<SlotForecast>,
    /// The same as text.
    pub lines: Vec<String>,
}

impl TimeRemaining {
    pub fn new(snapshot: &Snapshot, history: &[WalInterval], slot: &Slot, gaps: &mut Gaps) -> TimeRemaining {
        let mut remaining = TimeRemaining { until_full: None, slot: None, lines: Vec::new() };
        if slot.retained_from().is_none() {
            return remaining;
        }
        let headroom = known_headroom(snapshot, &["why.until_full"], gaps);
        let mut fields = Vec::new();
        if headroom.is_some() {
            fields.push("why.until_full");
        }
        if slot.safe_wal_size.is_some() {
            fields.push("why.until_lost");
        }
        let wanted = !fields.is_empty();
        let growth = if wanted { wal_growth(snapshot, history, &fields, gaps) } else { None };
        if let (Some(headroom), Some(growth)) = (&headroom, &growth) {
            let until_full = growth.time_to_write(headroom.free_bytes);
            remaining.until_full = Some(until_full);
            let disk = DiskLine::new(headroom).describe();
            remaining
                .lines
                .push(format!("{disk}: full in {} if the slot makes no progress", format_time_left(&until_full)));
        }
        remaining.slot = SlotForecast::new(snapshot, slot, growth.as_ref());
        remaining.lines.extend(remaining.slot.as_ref().and_then(|slot| slot.describe(snapshot.collected_at)));
        remaining
    }
}
