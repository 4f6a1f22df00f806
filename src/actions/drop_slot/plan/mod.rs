//! Plan of slot drops: which slots, what each retains and releases, what is lost, and which are refused and why.

mod last_logical;
mod reclaimable;
mod refusal;
mod request;
mod statement;
/// Outcome of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionOutcomeKind {
    /// The server confirmed it.
    Done,
    /// The object had changed, or the intent could not be journalled. Nothing was done.
    Refused,
    /// The server refused. Nothing was done.
    Failed,
    /// No response, or an error that does not show the outcome. It may have been done.
    Unknown,
    /// The connection was lost before. Nothing was done.
    NotTried,
}

/// Outcome of one drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotDropOutcome {
    /// Name of the slot.
    pub slot_name: String,
    /// Outcome.
    pub outcome: ActionOutcomeKind,
    /// Error of the server, or the reason; `None` without either.
    pub detail: Option<String>,
    /// Id of the journal entry; `None` without an entry, or without a journal.
    pub journal_id: Option<i64>,
    /// Reason why the outcome could not be journalled. The intent stays open.
    pub unjournalled: Option<String>,
}

/// Outcome of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckpointOutcome {
    /// Outcome.
    pub outcome: ActionOutcomeKind,
    /// Error of the server, or the reason; `None` without either.
    pub detail: Option<String>,
    /// Size of `pg_wal` in bytes before the first drop; `None` when the role may not read it.
    pub before_bytes: Option<u64>,
    /// Size of `pg_wal` in bytes after the checkpoint; `None` when it was not measured.
    pub after_bytes: Option<u64>,
    /// Bytes of `after_bytes` in segments recycled for future WAL; `None` when it was not measured.
    pub recycled_bytes: Option<u64>,
}

/// Returns the statement that creates an empty slot of the same name and type, for documentation. Its position is the
/// current one, not that of the old slot. A logical slot must be created in its own database.
pub fn recreate_slot_statement(slot: &Slot, major: u32) -> String {
    let name = quote_literal(&slot.slot_name);
    match slot.slot_type {
        SlotType::Physical => {
            let reserve = slot.restart_lsn.is_some() || slot.is_lost();
            format!("SELECT pg_create_physical_replication_slot({name}, {reserve})")
        }
        SlotType::Logical => {
            let plugin = quote_literal(slot.plugin.as_deref().unwrap_or_default());
            let two_phase = slot.two_phase == Some(true);
            let failover = slot.failover == Some(true);
            let further = match (major, two_phase, failover) {
                (17.., _, true) => format!(", false, {two_phase}, true"),
                (14.., true, _) => ", false, true".to_owned(),
                _ => String::new(),
            };
            format!("SELECT pg_create_logical_replication_slot({name}, {plugin}{further})")
        }
    }
}

impl Plan for SlotDrops {
    /// The plan with every drop refused.
    type Unconfirmed = Box<SlotDrops>;

    /// With a terminal, a slot is dropped if its name was typed. Without one, it is dropped if it is stale, lost or
    /// empty *and* the user named it; `--allow-unproven` waives the proof, never the name.
    fn restrict_to(mut self, consent: &Consent) -> Result<SlotDrops, Box<SlotDrops>> {
        let allow_unproven = self.allow_unproven;
        let refusals_for = |drop: &SlotDrop| match consent {
            Consent::Typed(names) if names.contains(&drop.slot.slot_name) => Vec::new(),
            Consent::Typed(_) => vec![Refusal::NotTyped],
            Consent::Unattended => {
                let proven = matches!(drop.verdict, SlotVerdict::Stale | SlotVerdict::Lost | SlotVerdict::Empty);
                let unproven = (!proven && !allow_unproven).then_some(Refusal::Unproven { verdict: drop.verdict });
                let not_named = (!drop.is_named).then_some(Refusal::NotNamed);
                [unproven, not_named].into_iter().flatten().collect()
            }
        };
        for drop in std::mem::take(&mut self.drops) {
            let refusals = refusals_for(&drop);
            if refusals.is_empty() {
                self.drops.push(drop);
            } else {
                self.refused.push(RefusedDrop { slot_drop: drop, refusals });
            }
        }
        self.update_totals();
        if matches!(consent, Consent::Unattended) {
            self.refuse_last_logical_slot();
        }
        if self.drops.is_empty() { Err(Box::new(self)) } else { Ok(self) }
    }
}

#[cfg(test)]
mod tests;

pub use last_logical::LogicalDecodingEnd;
pub use reclaimable::ReclaimableWal;
pub use refusal::Refusal;
pub use request::{SlotDropPlanError, SlotDropRequest};
pub use statement::{drop_slot_statement, server_start_guard};

use crate::actions::{Consent, Plan};
use crate::analysis::slot::{
    EMPTY_COST, Owner, PIPELINE_COST, Protection, Reason, STANDBY_COST, SlotAssessment, SlotEvidence, SlotVerdict,
    hidden_plugin_list, plugin_remedy,
};
use crate::facts::{ServerIdentity, Slot, SlotType, Snapshot, Unavailable};
use crate::quote::quote_literal;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// A slot to be dropped, in the state of the planning snapshot.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SlotDrop {
    /// Row of the view. At the drop, the slot must still match it.
    pub slot: Slot,
    /// Verdict on the slot.
    pub verdict: SlotVerdict,
    /// Protection; `None` without one.
    pub protection: Option<Protection>,
    /// Reasons of the verdict.
    pub reasons: Vec<Reason>,
    /// Probable owner; `None` when no rule matches.
    pub owner: Option<Owner>,
    /// Consequence for the owner.
    pub cost: String,
    /// WAL in bytes from its position to the current one; `None` when unknown.
    pub retained_bytes: Option<u64>,
    /// WAL that is released if only this slot is dropped, in bytes.
    pub reclaimable: ReclaimableWal,
    /// Statement that creates an empty slot of the same name and type. It starts at the current position.
    pub recreate_statement: String,
    /// Step without which the server refuses that statement, because `output_plugin_libraries` does not list the plugin;
    /// `None` when it is not needed, or the setting is hidden.
    pub recreate_needs: Option<String>,
    /// Whether the user named it, on the command line or in the configuration. `--stale` alone does not name a slot.
    #[serde(skip)]
    pub is_named: bool,
}

/// A requested slot that is not dropped.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RefusedDrop {
    /// The slot.
    #[serde(flatten)]
    pub slot_drop: SlotDrop,
    /// Reasons; never empty.
    pub refusals: Vec<Refusal>,
}

/// Server that the plan is for. It is executed on no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedServer {
    /// Properties that identify the server.
    #[serde(flatten)]
    pub identity: ServerIdentity,
    /// Database of the planning session.
    pub database: String,
    /// Time of the snapshot.
    pub collected_at: Timestamp,
}

/// Plan of slot drops.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SlotDrops {
    /// Server of the plan.
    pub server: PlannedServer,
    /// Drops in the order of execution: the slot with the oldest WAL first.
    pub drops: Vec<SlotDrop>,
    /// WAL that all drops together release.
    pub total_reclaimable: ReclaimableWal,
    /// Requested slots that are not dropped.
    pub refused: Vec<RefusedDrop>,
    /// What the drops end on standbys; `None` when logical decoding goes on, or before 19.
    pub ends_logical_decoding: Option<LogicalDecodingEnd>,
    /// What the refused last logical slot would have ended; `None` when none was refused.
    pub last_slot_of_standbys: Option<LogicalDecodingEnd>,
    /// Whether a checkpoint follows the drops (`--checkpoint`).
    pub checkpoint: bool,
    /// Present `checkpoint_timeout` in seconds; `None` when hidden.
    pub checkpoint_timeout_seconds: Option<u64>,
    /// Why `recreate_needs` is unknown; `None` otherwise.
    #[serde(skip)]
    pub hidden_plugin_list: Option<Unavailable>,
    #[serde(skip)]
    pub(super) allow_unproven: bool,
    /// Input for `ends_logical_decoding`, kept to compute it for the confirmed part.
    #[serde(skip)]
    pub(super) logical_decoding: last_logical::LogicalDecodingGuard,
    /// Input for the totals, kept to compute those of the confirmed part.
    #[serde(skip)]
    pub(super) reclaim_estimator: reclaimable::ReclaimEstimator,
}

impl SlotDrops {
    /// Plans drops of the requested slots. A plan may consist of refusals only.
    ///
    /// # Errors
    ///
    /// The slots could not be read, a name does not exist, or the role lacks a privilege.
    pub fn new(evidence: &SlotEvidence, request: &SlotDropRequest) -> Result<SlotDrops, SlotDropPlanError> {
        let snapshot = evidence.snapshot;
        let slots =
            snapshot.slots.as_result().map_err(|why: &Unavailable| SlotDropPlanError::Unreadable(why.clone()))?;
        let requested = request.requested_slots(evidence, slots)?;
        request.check_privileges(snapshot)?;
        let reclaim_estimator = reclaimable::ReclaimEstimator::from_snapshot(snapshot);
        let (mut drops, mut refused) = (Vec::new(), Vec::new());
        for (slot, assessment) in requested {
            let refusals = refusal::collect_refusals(slot, &assessment, request, snapshot);
            let drop = plan_slot_drop(slot, assessment, request, snapshot, &reclaim_estimator);
            if refusals.is_empty() { drops.push(drop) } else { refused.push(RefusedDrop { slot_drop: drop, refusals }) }
        }
        let server = &snapshot.server;
        let settings = snapshot.settings.known();
        let mut plan = SlotDrops {
            server: PlannedServer {
                identity: ServerIdentity::new(server, snapshot.control.known(), snapshot.instance.known()),
                database: server.database.clone(),
                collected_at: snapshot.collected_at,
            },
            total_reclaimable: ReclaimableWal::default(),
            drops,
            refused,
            checkpoint: request.checkpoint,
            checkpoint_timeout_seconds: settings
                .and_then(|settings| settings.text("checkpoint_timeout"))
                .and_then(|text| text.parse().ok()),
            hidden_plugin_list: hidden_plugin_list(snapshot),
            allow_unproven: request.allow_unproven,
            ends_logical_decoding: None,
            last_slot_of_standbys: None,
            logical_decoding: last_logical::LogicalDecodingGuard::new(
                snapshot,
                request.allow_last_logical_slot,
                request.names.is_empty(),
            ),
            reclaim_estimator,
        };
        plan.update_totals();
        if plan.logical_decoding.is_selected_by_verdict {
            plan.refuse_last_logical_slot();
        }
        Ok(plan)
    }

    /// Sorts the drops, and computes the totals and what the drops end on standbys.
    fn update_totals(&mut self) {
        self.drops.sort_by(|a, b| {
            let from = |drop: &SlotDrop| drop.slot.retained_from().map_or(u64::MAX, |lsn| lsn.position());
            from(a).cmp(&from(b)).then_with(|| a.slot.slot_name.cmp(&b.slot.slot_name))
        });
        let slots: Vec<&Slot> = self.drops.iter().map(|drop| &drop.slot).collect();
        self.total_reclaimable = self.reclaim_estimator.reclaimable_by_dropping(&slots);
        let names: Vec<&str> = slots.iter().map(|slot| slot.slot_name.as_str()).collect();
        self.ends_logical_decoding = self.logical_decoding.end_by_dropping(&names);
    }

    /// Returns what each drop releases after those before it, in bytes. These values add up to the total.
    pub fn reclaimable_per_drop(&self) -> Vec<Option<u64>> {
        let slots: Vec<&Slot> = self.drops.iter().map(|drop| &drop.slot).collect();
        let upto = |count: usize| self.reclaim_estimator.reclaimable_by_dropping(&slots[..count]).at_checkpoint_bytes;
        (0..slots.len()).map(|position| Some(upto(position + 1)?.saturating_sub(upto(position)?))).collect()
    }

    /// Returns why the released WAL is unknown, or known in part only; `None` otherwise.
    pub fn missing_fact(&self) -> Option<Unavailable> {
        self.reclaim_estimator.missing_fact()
    }

    /// Returns the names of the slots to drop, in the order of the plan.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.drops.iter().map(|drop| drop.slot.slot_name.as_str())
    }
}

fn plan_slot_drop(
    slot: &Slot,
    assessment: SlotAssessment,
    request: &SlotDropRequest,
    snapshot: &Snapshot,
    reclaim_estimator: &reclaimable::ReclaimEstimator,
) -> SlotDrop {
    let generic = match (assessment.verdict, slot.slot_type) {
        (SlotVerdict::Empty, _) => EMPTY_COST,
        (_, SlotType::Physical) => STANDBY_COST,
        (_, SlotType::Logical) => PIPELINE_COST,
    };
    SlotDrop {
        cost: assessment.owner.as_ref().map_or(generic, |owner| &owner.cost).to_owned(),
        verdict: assessment.verdict,
        protection: assessment.protection,
        reasons: assessment.reasons,
        owner: assessment.owner,
        retained_bytes: match slot.retained_from() {
            Some(from) => snapshot.current_lsn().map(|now| now.bytes_since(from)),
            None => Some(0),
        },
        reclaimable: reclaim_estimator.reclaimable_by_dropping(&[slot]),
        recreate_statement: recreate_slot_statement(slot, snapshot.server.major()),
        recreate_needs: slot.plugin.as_ref().and_then(|plugin| plugin_remedy(snapshot, plugin)),
        is_named: request.is_named(&slot.slot_name),
        slot: slot.clone(),
    }
}
