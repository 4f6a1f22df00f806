//! `pgtend slots drop`: the plan and its result.

use super::detail::{describe_holder, describe_next_holder, describe_owner, describe_recycled};
use super::{ReasonLine, describe, describe_drop};
use crate::actions::drop_slot::SlotDrops;
use crate::actions::drop_slot::plan::{
    ActionOutcomeKind, CheckpointOutcome, LogicalDecodingEnd, ReclaimableWal, Refusal, SlotDrop, SlotDropOutcome,
};
use crate::analysis::slot::{Owner, Protection, SlotVerdict};
use crate::facts::{SlotType, Unavailable, WalStatus};
use crate::render::{Cell, Column, Document, Table, TableBuilder, Tone, Value, human_bytes, human_duration};
use crate::report::{Gaps, Report};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend slots drop`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SlotDropReport {
    /// Whether it is only the plan, and nothing was done.
    is_plan: bool,
    /// Address of the server; null for a plan from a file.
    endpoint: Option<String>,
    role: String,
    drops: Vec<DropLine>,
    /// WAL that all drops together release.
    total_reclaimable: Frees,
    /// What the drops end on standbys, or what the refused last logical slot would end; null when logical decoding goes on.
    ends_logical_decoding: Option<LogicalDecodingEnd>,
    checkpoint: Option<CheckpointOutcome>,
    #[serde(skip)]
    about: String,
    #[serde(skip)]
    asks_checkpoint: bool,
    #[serde(skip)]
    checkpoint_timeout_seconds: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Frees {
    #[serde(flatten)]
    freed: ReclaimableWal,
    held_beyond_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Drop,
    Refused,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DropLine {
    slot_name: String,
    slot_type: SlotType,
    plugin: Option<String>,
    database: Option<String>,
    active: bool,
    active_pid: Option<i32>,
    restart_lsn: Option<Lsn>,
    confirmed_flush_lsn: Option<Lsn>,
    wal_status: Option<WalStatus>,
    inactive_since: Option<Timestamp>,
    verdict: SlotVerdict,
    protection: Option<Protection>,
    reasons: Vec<ReasonLine>,
    owner: Option<Owner>,
    /// Consequence of a drop for the owner.
    cost: String,
    retained_bytes: Option<u64>,
    /// WAL that is released if only this slot is dropped, in bytes.
    reclaimable: Frees,
    /// Statement that creates an empty slot like it, which starts at the current position.
    recreate_statement: String,
    /// Step without which the server refuses that statement; null when none is needed.
    recreate_needs: Option<String>,
    decision: Decision,
    refusals: Vec<RefusalLine>,
    outcome: Option<ActionOutcomeKind>,
    detail: Option<String>,
    journal_id: Option<i64>,
    /// Why the journal lacks the outcome.
    unjournalled: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RefusalLine {
    #[serde(flatten)]
    refusal: Refusal,
    message: String,
    /// Option that allows the drop.
    flag: Option<&'static str>,
}

impl Frees {
    fn new(freed: &ReclaimableWal) -> Frees {
        Frees { held_beyond_by: freed.next_holder.as_ref().map(describe_holder), freed: freed.clone() }
    }
}

impl SlotDropReport {
    /// Builds the report of a plan, and of its result if it was executed.
    pub fn new(
        plan: &SlotDrops,
        endpoint: Option<&str>,
        done: Option<(&[SlotDropOutcome], Option<&CheckpointOutcome>)>,
        gaps: &mut Gaps,
    ) -> SlotDropReport {
        let ended = |name: &str| {
            done.and_then(|(ended, _)| ended.iter().find(|slot_drop_outcome| slot_drop_outcome.slot_name == name))
        };
        let drops = plan.drops.iter().map(|drop| drop_line(drop, &[], ended(&drop.slot.slot_name)));
        let refused = plan.refused.iter().map(|refused| drop_line(&refused.slot_drop, &refused.refusals, None));
        let lines: Vec<DropLine> = drops.chain(refused).collect();
        if plan.server.identity.version_num < 170_000 && !lines.is_empty() {
            let why = Unavailable::needs_version("replication slots", 17);
            gaps.note(&why, &["drops[].inactive_since"], Vec::new());
        }
        if let Some(why) = plan.missing_fact()
            && !lines.is_empty()
        {
            let fields = [
                "drops[].retained_bytes",
                "drops[].reclaimable.at_checkpoint_bytes",
                "drops[].reclaimable.may_be_recycled_bytes",
                "drops[].reclaimable.held_beyond_by",
                "total_reclaimable.at_checkpoint_bytes",
                "total_reclaimable.may_be_recycled_bytes",
                "total_reclaimable.held_beyond_by",
            ];
            gaps.note(&why, &fields, Vec::new());
        }
        if let Some(why) = &plan.hidden_plugin_list
            && lines.iter().any(|line| line.plugin.is_some())
        {
            gaps.note(why, &["drops[].recreate_needs"], Vec::new());
        }
        let checkpoint = done.and_then(|(_, checkpoint)| checkpoint.cloned());
        if let Some(CheckpointOutcome { outcome: ActionOutcomeKind::Done, after_bytes: None, .. }) = &checkpoint {
            let why = Unavailable::new("wal directory", "this role cannot read its size");
            let fields = ["checkpoint.before_bytes", "checkpoint.after_bytes", "checkpoint.recycled_bytes"];
            gaps.note(&why, &fields, Vec::new());
        }
        let server = &plan.server;
        SlotDropReport {
            is_plan: done.is_none(),
            endpoint: endpoint.map(str::to_owned),
            role: server.identity.role.clone(),
            drops: lines,
            total_reclaimable: Frees::new(&plan.total_reclaimable),
            ends_logical_decoding: plan.ends_logical_decoding.clone().or_else(|| plan.last_slot_of_standbys.clone()),
            checkpoint,
            about: format!(
                "Server: {} ({}), database {}, role {}.",
                endpoint.unwrap_or("from a snapshot file"),
                if server.identity.in_recovery { "standby" } else { "primary" },
                server.database,
                server.identity.role
            ),
            asks_checkpoint: plan.checkpoint,
            checkpoint_timeout_seconds: plan.checkpoint_timeout_seconds,
        }
    }
}

fn drop_line(drop: &SlotDrop, refusals: &[Refusal], ended: Option<&SlotDropOutcome>) -> DropLine {
    let slot = &drop.slot;
    DropLine {
        slot_name: slot.slot_name.clone(),
        slot_type: slot.slot_type,
        plugin: slot.plugin.clone(),
        database: slot.database.clone(),
        active: slot.active,
        active_pid: slot.active_pid,
        restart_lsn: slot.restart_lsn,
        confirmed_flush_lsn: slot.confirmed_flush_lsn,
        wal_status: slot.wal_status,
        inactive_since: slot.inactive_since,
        verdict: drop.verdict,
        protection: drop.protection,
        reasons: drop
            .reasons
            .iter()
            .map(|reason| ReasonLine { message: describe::describe_slot_reason(reason), reason: reason.clone() })
            .collect(),
        owner: drop.owner.clone(),
        cost: drop.cost.clone(),
        retained_bytes: drop.retained_bytes,
        reclaimable: Frees::new(&drop.reclaimable),
        recreate_statement: drop.recreate_statement.clone(),
        recreate_needs: drop.recreate_needs.clone(),
        decision: if refusals.is_empty() { Decision::Drop } else { Decision::Refused },
        refusals: refusals
            .iter()
            .map(|refusal| RefusalLine {
                refusal: refusal.clone(),
                message: describe_drop::describe_refusal(refusal),
                flag: refusal.flag(),
            })
            .collect(),
        outcome: ended.map(|ended| ended.outcome),
        detail: ended.and_then(|ended| ended.detail.clone()),
        journal_id: ended.and_then(|ended| ended.journal_id),
        unjournalled: ended.and_then(|ended| ended.unjournalled.clone()),
    }
}

impl DropLine {
    /// Returns what will be done with the slot, or what was done.
    fn state(&self) -> Cell {
        match (self.outcome, self.decision) {
            (Some(ActionOutcomeKind::Done), _) => Cell::text("dropped").with_tone(Tone::Good),
            (Some(ActionOutcomeKind::Refused), _) | (None, Decision::Refused) => {
                Cell::text("refused").with_tone(Tone::Warning)
            }
            (Some(ActionOutcomeKind::Failed), _) => Cell::text("failed").with_tone(Tone::Bad),
            (Some(ActionOutcomeKind::Unknown), _) => Cell::text("unknown").with_tone(Tone::Bad),
            (Some(ActionOutcomeKind::NotTried), _) => Cell::text("not tried").with_tone(Tone::Warning),
            (None, Decision::Drop) => Cell::text("drop"),
        }
    }

    fn is_planned(&self) -> bool {
        self.decision == Decision::Drop
    }
}

impl Report for SlotDropReport {
    const COMMAND: &'static str = "slots drop";

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(self.about.clone());
        if self.drops.is_empty() {
            document.gap().line("Nothing to drop: no slot is stale or irrecoverably lost.");
            return document;
        }
        document.gap().table(self.drops_table());
        for line in &self.drops {
            if !line.refusals.is_empty() {
                document.gap().line(format!("{} is not dropped:", line.slot_name));
                for refusal in &line.refusals {
                    let flag = refusal.flag.map(|flag| format!(" ({flag} allows it)")).unwrap_or_default();
                    document.toned_line(format!("  {}{flag}.", refusal.message), Tone::Warning);
                }
            } else if self.is_plan {
                show_planned_drop(line, &mut document);
            } else {
                show_outcome(line, &mut document);
            }
        }
        let is_done = |line: &DropLine| line.outcome == Some(ActionOutcomeKind::Done);
        if let Some(end) = &self.ends_logical_decoding
            && (self.is_plan || self.drops.iter().any(is_done))
        {
            document.gap().heading("Last valid logical slot");
            for line in describe_drop::describe_logical_decoding_end(end) {
                document.toned_line(line, Tone::Warning);
            }
        }
        if self.drops.iter().any(DropLine::is_planned) {
            document.gap();
            if self.is_plan { self.show_schedule(&mut document) } else { self.show_freed(&mut document) }
        }
        document
    }
}

/// Adds one drop of the plan.
fn show_planned_drop(line: &DropLine, document: &mut Document) {
    document.gap().heading(format!("Drop {}", line.slot_name));
    for reason in &line.reasons {
        document.line(format!("- {}.", reason.message));
    }
    match &line.owner {
        Some(owner) => document.line(format!("Owner: {}.", describe_owner(owner))),
        None => document.line("Owner: unknown."),
    };
    document.line(format!(
        "Lost with the slot: {}. {}",
        describe_drop::describe_loss(line.slot_type, line.verdict),
        line.cost
    ));
    if let (Some(needs), Some(plugin)) = (&line.recreate_needs, &line.plugin) {
        document.line(format!(
            "The server refuses a new slot with output plugin {plugin} until output_plugin_libraries lists it:"
        ));
        document.commands(vec![(needs.clone(), String::new())]);
    }
    document.line("The drop cannot be undone. A new slot starts at the WAL position of its creation:");
    let database = line.database.as_ref().map(|database| format!("in database {database}")).unwrap_or_default();
    document.commands(vec![(line.recreate_statement.clone(), database)]);
}

/// Adds the outcome of one drop.
fn show_outcome(line: &DropLine, document: &mut Document) {
    if let Some(detail) = &line.detail {
        document.line(format!("{}: {detail}.", line.slot_name));
    }
    if line.outcome == Some(ActionOutcomeKind::Unknown) {
        let text = "It is unknown whether the slot was dropped. The next `pgtend slots drop` determines the outcome.";
        document.toned_line(text, Tone::Bad);
    }
    if let Some(why) = &line.unjournalled {
        document.toned_line(
            format!("{}: the outcome could not be recorded in the journal: {why}.", line.slot_name),
            Tone::Bad,
        );
    }
}

impl SlotDropReport {
    fn drops_table(&self) -> TableBuilder<&DropLine> {
        let is_done = !self.is_plan;
        Table::with_rows(&self.drops)
            .column(Column::text("slot_name", "slot", 0), |line| Cell::name(&*line.slot_name))
            .column(Column::text("state", if is_done { "outcome" } else { "plan" }, 0), |line| line.state())
            .column(Column::text("verdict", "verdict", 0), |line| describe_drop::verdict_cell(line.verdict))
            .column(Column::numbers("retained_bytes", "retained", 1), |line| {
                Cell::or_unknown(line.retained_bytes, Value::Bytes)
            })
            .column(Column::numbers("reclaimable_bytes", "reclaimable", 1), |line| {
                Cell::or_unknown(line.reclaimable.freed.at_checkpoint_bytes, Value::Bytes)
            })
            .column(Column::text("owner", "owner", 2), |line| {
                Cell::or_none(line.owner.as_ref().map(|owner| owner.name.clone()), Value::Name)
            })
            .column_if(is_done, Column::numbers("journal_id", "journal ID", 4), |line| {
                Cell::or_none(line.journal_id, |id| Value::Count(id.unsigned_abs()))
            })
            // A column without title is left out when it is empty.
            .column_if(is_done, Column::text("detail", "", 5), |line| {
                Cell::text(line.detail.clone().unwrap_or_default())
            })
    }

    /// Adds when which WAL is released.
    fn show_schedule(&self, document: &mut Document) {
        let several = self.drops.iter().filter(|line| line.is_planned()).count() > 1;
        let freed = &self.total_reclaimable.freed;
        document.line("Freed immediately: 0 B.");
        let bytes = freed.at_checkpoint_bytes.map_or("unknown".to_owned(), human_bytes);
        let together = if several { " in total" } else { "" };
        let timeout = match (self.asks_checkpoint, self.checkpoint_timeout_seconds) {
            (true, _) => ", which pgtend requests after the drop (it writes all dirty buffers at once)".to_owned(),
            (false, Some(timeout)) => {
                format!(" (checkpoint_timeout is {}; an idle server may take longer)", human_duration(timeout))
            }
            (false, None) => String::new(),
        };
        document.line(format!("Freed at the next checkpoint{timeout}: {bytes}{together}."));
        if let Some(recycled) = freed.may_be_recycled_bytes.filter(|bytes| *bytes > 0) {
            document.line(describe_recycled(recycled));
        }
        if let Some(holder) = &self.total_reclaimable.held_beyond_by {
            document.line(describe_next_holder(holder, freed.at_checkpoint_bytes));
        }
    }

    /// Adds the WAL that was released, as far as it was measured.
    fn show_freed(&self, document: &mut Document) {
        match &self.checkpoint {
            Some(CheckpointOutcome {
                outcome: ActionOutcomeKind::Done,
                before_bytes: Some(before),
                after_bytes: Some(after),
                ..
            }) => {
                let recycled = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.recycled_bytes).unwrap_or(0);
                let change = match before.checked_sub(*after) {
                    Some(freed) => format!("{} freed", human_bytes(freed)),
                    None => format!("{} more, written meanwhile", human_bytes(after - before)),
                };
                document.line(format!(
                    "Checkpoint completed. pg_wal: {} before, {} after ({change}), of which {} in recycled segments.",
                    human_bytes(*before),
                    human_bytes(*after),
                    human_bytes(recycled)
                ));
            }
            Some(CheckpointOutcome { outcome: ActionOutcomeKind::Done, .. }) => {
                document.line(
                    "Checkpoint completed. Freed WAL: unknown, because this role cannot read the size of pg_wal.",
                );
            }
            Some(checkpoint) => {
                let why = checkpoint.detail.clone().unwrap_or_default();
                document.toned_line(format!("The checkpoint was not completed: {why}."), Tone::Warning);
            }
            None if self.drops.iter().any(|line| line.outcome == Some(ActionOutcomeKind::Done)) => {
                document.line("The next checkpoint frees the WAL that no other holder retains; see `pgtend wal`.");
            }
            None => {
                document.line("Nothing was dropped.");
            }
        }
    }
}
