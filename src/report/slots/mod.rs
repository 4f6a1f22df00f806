//! `pgtend slots`: every replication slot and the WAL it retains.

mod describe;
mod describe_drop;
mod detail;
mod drop;

pub use detail::SlotDetailReport;
pub use drop::SlotDropReport;

use super::{Gaps, Report, View, observation::seconds_between};
use crate::analysis::slot::{
    DEFAULT_OUTPUT_PLUGINS, Owner, Protection, Reason, SlotAssessment, SlotVerdict, hidden_plugin_list,
};
use crate::analysis::wal::Retention;
use crate::checks::Evidence;
use crate::facts::{Slot, SlotRepack, SlotType, Snapshot, Unavailable, WalStatus};
use crate::quote::grant;
use crate::render;
use crate::render::{Cell, Column, Document, Tone, Value, human_bytes};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Order of the list.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum SlotSort {
    /// Most retained WAL first
    #[default]
    Retained,
    /// Most reclaimable WAL first
    Reclaimable,
    /// By name
    Name,
}

/// Report of `pgtend slots`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SlotsReport {
    slots: Vec<Row>,
    #[serde(skip)]
    left_out: usize,
    #[serde(skip)]
    collected_at: Timestamp,
    #[serde(skip)]
    is_listed: bool,
    /// Largest retained WAL of all slots, shown or not.
    #[serde(skip)]
    most_retained: Option<u64>,
}

/// Maximum number of slots with a reason below the table; `slots why` has all reasons.
const MAX_REASONS: usize = 10;

/// Fields that servers before this major version do not have.
const ADDED: [(u32, &[&str]); 5] = [
    (14, &["slots[].two_phase"]),
    (16, &["slots[].conflicting"]),
    (17, &["slots[].inactive_since", "slots[].invalidation_reason", "slots[].failover", "slots[].synced"]),
    (18, &["slots[].two_phase_at"]),
    (
        19,
        &[
            "slots[].slotsync_skip_reason",
            "slots[].slotsync_skip_count",
            "slots[].slotsync_last_skip",
            "slots[].repack",
        ],
    ),
];

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Row {
    pub slot_name: String,
    slot_type: SlotType,
    plugin: Option<String>,
    database: Option<String>,
    temporary: bool,
    pub active: bool,
    active_pid: Option<i32>,
    restart_lsn: Option<Lsn>,
    confirmed_flush_lsn: Option<Lsn>,
    /// WAL from its position to the current one, in bytes; 0 when lost or never reserved.
    pub retained_bytes: Option<u64>,
    /// WAL that is released if only this slot is dropped, in bytes.
    pub reclaimable_bytes: Option<u64>,
    pub wal_status: Option<WalStatus>,
    safe_wal_size: Option<i64>,
    xmin_age: Option<i64>,
    catalog_xmin_age: Option<i64>,
    pub inactive_since: Option<Timestamp>,
    two_phase: Option<bool>,
    two_phase_at: Option<Lsn>,
    conflicting: Option<bool>,
    pub invalidation_reason: Option<String>,
    failover: Option<bool>,
    synced: Option<bool>,
    /// Why the last synchronization of the copy was skipped; null after a success.
    pub slotsync_skip_reason: Option<String>,
    pub slotsync_skip_count: Option<u64>,
    pub slotsync_last_skip: Option<Timestamp>,
    /// The REPACK (CONCURRENTLY) that uses the slot; null without one.
    repack: Option<SlotRepack>,
    pub verdict: SlotVerdict,
    pub protection: Option<Protection>,
    reasons: Vec<ReasonLine>,
    owner: Option<Owner>,
}

/// A reason: its id, its figures, and their text.
#[derive(Debug, Serialize, JsonSchema)]
struct ReasonLine {
    #[serde(flatten)]
    reason: Reason,
    message: String,
}

impl SlotsReport {
    /// Builds the list. The verdicts use the history of the server.
    pub fn new(evidence: &Evidence<'_>, view: &View, sort: SlotSort, gaps: &mut Gaps) -> SlotsReport {
        let snapshot = evidence.snapshot;
        let mut slots = slot_rows(evidence, "slots", gaps);
        if !slots.is_empty() {
            note_missing_columns(snapshot, gaps);
        }
        let most_retained = slots.iter().filter_map(|row| row.retained_bytes).max();
        slots.retain(|row| row.retained_bytes.is_none_or(|bytes| bytes >= view.min_size));
        slots.sort_by(|a, b| {
            let order = match sort {
                SlotSort::Retained => b.retained_bytes.cmp(&a.retained_bytes),
                SlotSort::Reclaimable => b.reclaimable_bytes.cmp(&a.reclaimable_bytes),
                SlotSort::Name => std::cmp::Ordering::Equal,
            };
            order.then_with(|| a.slot_name.cmp(&b.slot_name))
        });
        let left_out = view.cut(&mut slots);
        let is_listed = snapshot.slots.known().is_some();
        SlotsReport { slots, left_out, collected_at: snapshot.collected_at, is_listed, most_retained }
    }
}

/// Notes columns that the server's version does not have.
fn note_missing_columns(snapshot: &Snapshot, gaps: &mut Gaps) {
    for (since, fields) in ADDED.iter().filter(|(since, _)| snapshot.server.major() < *since) {
        gaps.note(&Unavailable::needs_version("replication slots", *since), fields, Vec::new());
    }
}

/// Returns every slot with the WAL that it retains; `list` is the path of the list in the JSON.
pub(super) fn slot_rows(evidence: &Evidence<'_>, list: &str, gaps: &mut Gaps) -> Vec<Row> {
    let snapshot = evidence.snapshot;
    let (retained, reclaimable) = (format!("{list}[].retained_bytes"), format!("{list}[].reclaimable_bytes"));
    let slots = match evidence.assessed_slots() {
        Ok(slots) => slots.collect::<Vec<_>>(),
        Err(why) => {
            gaps.note(&why, &[list], Vec::new());
            return Vec::new();
        }
    };
    if slots.is_empty() {
        return Vec::new();
    }
    let retention = Retention::from_snapshot(snapshot);
    if let Err(why) = &retention {
        gaps.note(why, &[&reclaimable], Vec::new());
    }
    let current = gaps.get_or_note(&snapshot.wal_position, &[&retained]).and_then(|position| {
        if position.current_lsn.is_none() {
            let reason = "the standby has neither received nor replayed WAL since it started";
            gaps.note(&Unavailable::new("wal position", reason), &[&retained], Vec::new());
        }
        position.current_lsn
    });
    if slots.iter().any(|(slot, _)| slot.is_of_repack() && slot.repack.is_none()) {
        let why = Unavailable::new("replication slots", "the process of REPACK is hidden from this role")
            .with_hint(Some(grant("pg_read_all_stats", &snapshot.server.role)));
        gaps.note(&why, &[&format!("{list}[].repack")], Vec::new());
    }
    if let Some(why) = hidden_plugin_list(snapshot)
        && slots.iter().any(|(slot, _)| has_unusual_plugin(slot))
    {
        gaps.note(&why, &[], Vec::new());
    }
    // Missing facts that make verdicts less certain, without a null field.
    gaps.get_or_note(&snapshot.walsenders, &[]);
    gaps.get_or_note(&snapshot.subscriptions, &[]);
    gaps.get_or_note(&snapshot.transactions, &[]);
    gaps.get_or_note(&snapshot.prepared_transactions, &[]);
    gaps.get_or_note(&snapshot.managers, &[]);
    let retention = retention.as_ref().ok();
    slots.into_iter().map(|(slot, assessment)| slot_row(slot, assessment, current, retention)).collect()
}

/// Returns whether the slot has an output plugin that `output_plugin_libraries` does not list by default.
fn has_unusual_plugin(slot: &Slot) -> bool {
    let plugin = slot.plugin.as_deref().filter(|_| !slot.is_of_repack());
    plugin.is_some_and(|plugin| !DEFAULT_OUTPUT_PLUGINS.contains(&plugin))
}

fn slot_row(slot: &Slot, assessment: &SlotAssessment, current: Option<Lsn>, retention: Option<&Retention>) -> Row {
    let retained_bytes = match slot.retained_from() {
        Some(from) => current.map(|current| current.bytes_since(from)),
        None => Some(0),
    };
    let reclaimable_bytes = match slot.retained_from() {
        Some(_) => retention.map(|retention| retention.reclaimable_bytes(slot)),
        None => Some(0),
    };
    Row {
        slot_name: slot.slot_name.clone(),
        slot_type: slot.slot_type,
        plugin: slot.plugin.clone(),
        database: slot.database.clone(),
        temporary: slot.temporary,
        active: slot.active,
        active_pid: slot.active_pid,
        restart_lsn: slot.restart_lsn,
        confirmed_flush_lsn: slot.confirmed_flush_lsn,
        retained_bytes,
        reclaimable_bytes,
        wal_status: slot.wal_status,
        safe_wal_size: slot.safe_wal_size,
        xmin_age: slot.xmin_age,
        catalog_xmin_age: slot.catalog_xmin_age,
        inactive_since: slot.inactive_since,
        two_phase: slot.two_phase,
        two_phase_at: slot.two_phase_at,
        conflicting: slot.conflicting,
        invalidation_reason: slot.invalidation_reason.clone(),
        failover: slot.failover,
        synced: slot.synced,
        slotsync_skip_reason: slot.slotsync_skip_reason.clone(),
        slotsync_skip_count: slot.slotsync_skip_count,
        slotsync_last_skip: slot.slotsync_last_skip,
        repack: slot.repack.clone(),
        verdict: assessment.verdict,
        protection: assessment.protection,
        reasons: assessment
            .reasons
            .iter()
            .map(|reason| ReasonLine { message: describe::describe_slot_reason(reason), reason: reason.clone() })
            .collect(),
        owner: assessment.owner.clone(),
    }
}

impl Row {
    /// Returns the verdict as one word.
    pub(super) fn verdict_cell(&self) -> Cell {
        let (label, tone) = match self.verdict {
            SlotVerdict::Healthy => ("healthy", Tone::Good),
            SlotVerdict::Lagging => ("lagging", Tone::Warning),
            SlotVerdict::Inactive => ("inactive", Tone::Warning),
            SlotVerdict::Stale => ("stale", Tone::Bad),
            SlotVerdict::Lost => ("lost", Tone::Bad),
            SlotVerdict::Empty => ("empty", Tone::Faint),
        };
        Cell::text(label).with_tone(tone)
    }

    /// Returns the most important reason.
    pub(super) fn headline(&self) -> Option<String> {
        describe::headline(self.reasons.iter().map(|line| &line.reason))
    }
}

impl Report for SlotsReport {
    const COMMAND: &'static str = "slots";

    fn document(&self) -> Document {
        let mut document = Document::default();
        if !self.is_listed {
            return document;
        }
        if self.slots.is_empty() && self.left_out == 0 {
            let is_filtered = self.most_retained.is_some();
            document.line(if is_filtered {
                "No replication slot matches the filter."
            } else {
                "No replication slots."
            });
            return document;
        }
        document.table(
            render::Table::with_rows(&self.slots)
                .column(Column::text("slot_name", "slot", 0), |row| Cell::name(&*row.slot_name))
                .column(Column::text("verdict", "verdict", 0), |row| row.verdict_cell())
                .column(Column::numbers("retained_bytes", "retained", 0), |row| {
                    Cell::or_unknown(row.retained_bytes, Value::Bytes)
                })
                .column(Column::numbers("reclaimable_bytes", "reclaimable", 0), |row| {
                    Cell::or_unknown(row.reclaimable_bytes, Value::Bytes)
                })
                .column(Column::text("slot_type", "type", 1), |row| {
                    Cell::text(match row.slot_type {
                        SlotType::Physical => "physical",
                        SlotType::Logical => "logical",
                    })
                })
                .column(Column::text("plugin", "plugin", 4), |row| Cell::or_none(row.plugin.clone(), Value::Text))
                .column(Column::text("database", "database", 2), |row| Cell::or_none(row.database.clone(), Value::Name))
                .column(Column::numbers("inactive_seconds", "inactive", 4), |row| {
                    Cell::or_none(
                        row.inactive_since.map(|timestamp| seconds_between(timestamp, self.collected_at)),
                        Value::Duration,
                    )
                })
                .column(Column::text("owner", "owner", 3), |row| {
                    Cell::or_none(row.owner.as_ref().map(|owner| owner.name.clone()), Value::Name)
                })
                .column(Column::numbers("safe_wal_size", "safe_wal_size", 5), |row| {
                    Cell::or_none(row.safe_wal_size.map(|bytes| u64::try_from(bytes).unwrap_or(0)), Value::Bytes)
                })
                .column(Column::text("restart_lsn", "restart_lsn", 6), |row| Cell::or_none(row.restart_lsn, Value::Lsn))
                .column(Column::numbers("xmin_age", "xmin age", 7), |row| {
                    Cell::or_none(row.xmin_age.max(row.catalog_xmin_age).map(i64::unsigned_abs), Value::Count)
                })
                .column(Column::numbers("active_pid", "pid", 8), |row| {
                    Cell::or_none(row.active_pid.map(|pid| pid.unsigned_abs().into()), Value::Count)
                })
                .with_left_out(self.left_out),
        );
        let reason_lines: Vec<String> = self
            .slots
            .iter()
            .filter(|row| !matches!(row.verdict, SlotVerdict::Healthy | SlotVerdict::Empty))
            .filter_map(|row| Some(format!("{}: {}.", row.slot_name, row.headline()?)))
            .collect();
        if !reason_lines.is_empty() {
            document.gap();
            for line in reason_lines.iter().take(MAX_REASONS) {
                document.line(line.clone());
            }
            if reason_lines.len() > MAX_REASONS {
                let text = format!("… and {} more: see `pgtend slots why NAME`", reason_lines.len() - MAX_REASONS);
                document.toned_line(text, Tone::Faint);
            }
        }
        if let Some(most) = self.most_retained.filter(|bytes| *bytes > 0) {
            let overlap = match self.slots.len() + self.left_out {
                1 => String::new(),
                _ => format!("Retained WAL overlaps: all slots together retain {}. ", human_bytes(most)),
            };
            document.gap().line(format!(
                "{overlap}Reclaimable: WAL that the next checkpoint removes or recycles if only this slot is dropped."
            ));
        }
        document
    }
}
