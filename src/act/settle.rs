//! What became of deeds that an earlier run began and did not see the end of.

use super::{ActError, checkpoint::CHECKPOINT, slot_drop::DROP_SLOT};
use crate::{
    history::{HistoryError, Store},
    inspect::{Backend, SecondLook, backends, look_again, recheck_slots},
    model::{
        Fact, ServerIdentity, SlotSight,
        past::{Deed, Outcome, OutcomeKind},
    },
    pg::Session,
    plan::same_server::{Property, differences},
};
use jiff::Timestamp;
use serde::Deserialize;

/// An open intent, and what looking at the server tells of it.
#[derive(Debug)]
pub struct Settled {
    pub deed: Deed,
    /// `None`: it stays open, for the reason in `why`.
    pub outcome: Option<OutcomeKind>,
    pub why: String,
}

/// What the intent has of the server it was for.
#[derive(Deserialize)]
struct Seen {
    slot: SlotSight,
    backend: Option<Backend>,
    timeline_id: Option<u32>,
    server: SeenServer,
}

/// Entries of earlier versions lack most of the identity.
#[derive(Deserialize)]
#[serde(untagged)]
enum SeenServer {
    Identity(Box<ServerIdentity>),
    Recovery { in_recovery: bool },
}

impl SeenServer {
    /// Whether the server at hand may be that one. It may have been restarted or updated since, and another role may
    /// read less of it.
    fn may_be(&self, timeline_id: Option<u32>, look: &SecondLook) -> bool {
        match self {
            SeenServer::Identity(seen) => differences(seen, &look.identity).iter().all(|difference| {
                let may_change =
                    matches!(difference.property, Property::StartTime | Property::Version | Property::Role);
                let is_proof = difference.planned.is_some() && difference.actual.is_some();
                may_change || !is_proof
            }),
            SeenServer::Recovery { in_recovery } => {
                let in_control = look.control.known().map(|control| control.timeline_id);
                *in_recovery == look.server.in_recovery && timeline_id == in_control
            }
        }
    }
}

/// Looks at the server for every open intent that was meant for it, and writes down what is certain. A slot that is gone
/// may have been dropped by that statement or by somebody else: no server keeps a record of it, so that stays unknown.
pub async fn settle(store: &Store, session: &Session, now: &dyn Fn() -> Timestamp) -> Result<Vec<Settled>, ActError> {
    let open = store.open_intents().await.map_err(lost)?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let look = Box::pin(look_again(session)).await?;
    let control = look.control.known();
    let backends = backends(session).await?;
    // After the processes: whatever they were at is then visible.
    let recheck = recheck_slots(session).await?;
    // Behind a pooler each look may reach another server: then nothing is known of either.
    let is_one_server = differences(&look.identity, &recheck.identity).is_empty();
    let sights = recheck.slots;
    let mut settled = Vec::new();
    for deed in open {
        let identifier = control.map(|control| &control.system_identifier);
        let is_here = identifier.is_some() && identifier == deed.intent.system_identifier.as_ref();
        let stays = |deed: Deed, why: &str| Settled { deed, outcome: None, why: why.to_owned() };
        if !is_one_server {
            settled.push(stays(deed, "the connection led from one server to another"));
            continue;
        }
        if !is_here || session.endpoint().to_string() != deed.intent.server {
            settled.push(stays(deed, "it was for another server, or for another address of this one"));
            continue;
        }
        let verdict = match &*deed.intent.kind {
            DROP_SLOT => of_drop(&deed, &look, &backends, &sights),
            CHECKPOINT => Ok((OutcomeKind::Unknown, "it may have run, and nothing depends on it".to_owned())),
            _ => Err("this pgtend does not know such a deed"),
        };
        match verdict {
            Ok((outcome, why)) => {
                let written = Outcome { outcome, detail: Some(why.clone()), finished_at: now() };
                store.conclude(deed.deed_id, &written).await.map_err(lost)?;
                settled.push(Settled { deed, outcome: Some(outcome), why });
            }
            Err(why) => settled.push(stays(deed, why)),
        }
    }
    Ok(settled)
}

fn lost(error: HistoryError) -> ActError {
    ActError::Journal(error)
}

fn of_drop(
    deed: &Deed,
    look: &SecondLook,
    backends: &Fact<Vec<Backend>>,
    sights: &Fact<Vec<SlotSight>>,
) -> Result<(OutcomeKind, String), &'static str> {
    let Ok(seen) = serde_json::from_value::<Seen>(deed.intent.seen.clone()) else {
        return Err("what was seen then cannot be read");
    };
    if !seen.server.may_be(seen.timeline_id, look) {
        return Err("another server answers at that address now: its slots are its own");
    }
    match (&seen.backend, backends.known()) {
        (Some(backend), Some(now)) => {
            let is_there = |it: &&Backend| it.pid == backend.pid && it.backend_start == backend.backend_start;
            if now.iter().any(|it| is_there(&it)) {
                return Err("the server process that got the statement is still there");
            }
        }
        _ => return Err("whether the server is still at it cannot be read"),
    }
    let Fact::Known(sights) = sights else { return Err("the slots cannot be read") };
    let then = &seen.slot.slot;
    Ok(match sights.iter().map(|sight| &sight.slot).find(|slot| slot.slot_name == then.slot_name) {
        None => (
            OutcomeKind::Unknown,
            "the slot is gone: dropped by this statement, whose answer was lost, or by somebody else".to_owned(),
        ),
        Some(slot)
            if slot.restart_lsn == then.restart_lsn
                && slot.confirmed_flush_lsn == then.confirmed_flush_lsn
                && (slot.slot_type, &slot.plugin, &slot.database) == (then.slot_type, &then.plugin, &then.database) =>
        {
            (OutcomeKind::Failed, "nothing was dropped: the slot is still there, where it stood".to_owned())
        }
        Some(_) => (
            OutcomeKind::Unknown,
            "a slot of this name is there, but not where it stood: used since, or dropped and made anew".to_owned(),
        ),
    })
}
