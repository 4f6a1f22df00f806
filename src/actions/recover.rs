//! Determines the outcome of actions that an earlier run began and did not finish.

use crate::actions::ActionError;
use crate::actions::drop_slot::checkpoint::CHECKPOINT_ACTION;
use crate::actions::drop_slot::execute::DROP_SLOT_ACTION;
use crate::actions::same_server::{Property, differences};
use crate::collect::{Backend, ServerRecheck, read_own_backends, recheck_server, recheck_slots};
use crate::facts::history::{JournalEntry, JournalOutcome, JournalOutcomeKind};
use crate::facts::{Fact, ServerIdentity, SlotIdentity};
use crate::history::{HistoryError, Store};
use crate::postgres::Session;
use jiff::Timestamp;
use serde::Deserialize;

/// An open intent, and its outcome according to the server.
#[derive(Debug)]
pub struct RecoveredAction {
    /// The journal entry.
    pub entry: JournalEntry,
    /// Outcome; `None` when it stays open, for the reason in `why`.
    pub outcome: Option<JournalOutcomeKind>,
    /// Evidence for the outcome, or reason why it stays open.
    pub why: String,
}

/// What the intent recorded of its server.
#[derive(Deserialize)]
struct RecordedState {
    slot: SlotIdentity,
    backend: Option<Backend>,
    timeline_id: Option<u32>,
    server: RecordedServer,
}

/// Entries of earlier versions lack most of the identity.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordedServer {
    Identity(Box<ServerIdentity>),
    Recovery { in_recovery: bool },
}

impl RecordedServer {
    /// Returns whether the connected server may be the recorded one. It may have been restarted or upgraded since, and
    /// another role may read less.
    fn may_match(&self, timeline_id: Option<u32>, server_recheck: &ServerRecheck) -> bool {
        match self {
            RecordedServer::Identity(seen) => differences(seen, &server_recheck.identity).iter().all(|difference| {
                let may_change =
                    matches!(difference.property, Property::StartTime | Property::Version | Property::Role);
                let is_proof = difference.planned.is_some() && difference.actual.is_some();
                may_change || !is_proof
            }),
            RecordedServer::Recovery { in_recovery } => {
                let in_control = server_recheck.control.known().map(|control| control.timeline_id);
                *in_recovery == server_recheck.server.in_recovery && timeline_id == in_control
            }
        }
    }
}

/// Reads the server for each of its open intents, and journals the outcomes that are certain. A missing slot may have
/// been dropped by that statement or otherwise: no server records it, so its outcome stays unknown.
///
/// # Errors
///
/// The journal or the server could not be read.
pub async fn recover_open_intents(
    store: &Store,
    session: &Session,
    now: &dyn Fn() -> Timestamp,
) -> Result<Vec<RecoveredAction>, ActionError> {
    let open = store.open_journal_entries().await.map_err(journal_error)?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let server_recheck = Box::pin(recheck_server(session)).await?;
    let control = server_recheck.control.known();
    let backends = read_own_backends(session).await?;
    // Read after the processes, so that the effect of their statements is visible.
    let recheck = recheck_slots(session).await?;
    // With a pooler, the two reads may reach different servers; then neither counts.
    let is_one_server = differences(&server_recheck.identity, &recheck.identity).is_empty();
    let slot_identities = recheck.slots;
    let mut recovered = Vec::new();
    for entry in open {
        let identifier = control.map(|control| &control.system_identifier);
        let is_this_cluster = identifier.is_some() && identifier == entry.intent.system_identifier.as_ref();
        let still_open = |entry: JournalEntry, why: &str| RecoveredAction { entry, outcome: None, why: why.to_owned() };
        if !is_one_server {
            recovered
                .push(still_open(entry, "the connection reached different servers; the outcome could not be checked"));
            continue;
        }
        if !is_this_cluster || session.endpoint().to_string() != entry.intent.server {
            recovered
                .push(still_open(entry, "it was executed on another server, or through another address of this one"));
            continue;
        }
        let verdict = match &*entry.intent.kind {
            DROP_SLOT_ACTION => classify_slot_drop(&entry, &server_recheck, &backends, &slot_identities),
            CHECKPOINT_ACTION => Ok((JournalOutcomeKind::Unknown, "it may have run; nothing depends on it".to_owned())),
            _ => Err("this version of pgtend does not know this kind of action"),
        };
        match verdict {
            Ok((outcome, why)) => {
                let written = JournalOutcome { outcome, detail: Some(why.clone()), finished_at: now() };
                store.write_outcome(entry.journal_id, &written).await.map_err(journal_error)?;
                recovered.push(RecoveredAction { entry, outcome: Some(outcome), why });
            }
            Err(why) => recovered.push(still_open(entry, why)),
        }
    }
    Ok(recovered)
}

fn journal_error(error: HistoryError) -> ActionError {
    ActionError::Journal(error)
}

fn classify_slot_drop(
    entry: &JournalEntry,
    server_recheck: &ServerRecheck,
    backends: &Fact<Vec<Backend>>,
    slot_identities: &Fact<Vec<SlotIdentity>>,
) -> Result<(JournalOutcomeKind, String), &'static str> {
    let Ok(recorded) = serde_json::from_value::<RecordedState>(entry.intent.seen.clone()) else {
        return Err("the recorded state cannot be read");
    };
    if !recorded.server.may_match(recorded.timeline_id, server_recheck) {
        return Err("this address now reaches another server, which has its own slots");
    }
    match (&recorded.backend, backends.known()) {
        (Some(backend), Some(now)) => {
            let is_there = |other: &&Backend| other.pid == backend.pid && other.backend_start == backend.backend_start;
            if now.iter().any(|other| is_there(&other)) {
                return Err("the server process that received the statement still exists");
            }
        }
        _ => return Err("it is unknown whether the server still executes the statement"),
    }
    let Fact::Known(sights) = slot_identities else { return Err("the replication slots cannot be read") };
    let recorded_slot = &recorded.slot.slot;
    Ok(match sights.iter().map(|sight| &sight.slot).find(|slot| slot.slot_name == recorded_slot.slot_name) {
        None => (
            JournalOutcomeKind::Unknown,
            "the slot does not exist: it was dropped by this statement, whose answer was lost, or by another client"
                .to_owned(),
        ),
        Some(slot)
            if slot.restart_lsn == recorded_slot.restart_lsn
                && slot.confirmed_flush_lsn == recorded_slot.confirmed_flush_lsn
                && (slot.slot_type, &slot.plugin, &slot.database)
                    == (recorded_slot.slot_type, &recorded_slot.plugin, &recorded_slot.database) =>
        {
            (JournalOutcomeKind::Failed, "nothing was dropped: the slot still exists, at the same position".to_owned())
        }
        Some(_) => (
            JournalOutcomeKind::Unknown,
            "a slot of this name exists at another position: it has been used since, or was dropped and created again"
                .to_owned(),
        ),
    })
}
