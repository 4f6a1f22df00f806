//! Probable owner of a slot.

use super::owners::{OWNERS, OwnerRule};
use crate::facts::{Slot, SlotType, Snapshot, Subscription, Walsender};
use schemars::JsonSchema;
use serde::Serialize;

/// Certainty of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A naming convention that others may follow too.
    Possible,
    /// The documented name, and all other properties match.
    Likely,
    /// The connected program identifies itself.
    Certain,
}

/// Probable owner of a slot, and the cost of dropping the slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Owner {
    /// Program or service, with member, subscription or address where known.
    pub name: String,
    /// Certainty of the match.
    pub confidence: Confidence,
    /// Source of the rule.
    pub source: String,
    /// Consequence of a drop for the owner, as a sentence.
    pub cost: String,
    /// Whether a manager or a managed service creates and drops the slot.
    #[serde(skip)]
    pub is_managed: bool,
    /// Whether the owner manages standbys, so that it may also own other physical slots.
    #[serde(skip)]
    pub manages_standbys: bool,
}

/// Returns the walsender that streams from the slot; `None` when there is none or it is not visible.
pub fn find_walsender<'a>(slot: &Slot, snapshot: &'a Snapshot) -> Option<&'a Walsender> {
    match slot.active_pid {
        Some(pid) => snapshot.walsenders.known()?.iter().find(|walsender| walsender.pid == pid),
        None => match table_sync(slot, snapshot) {
            TableSync::Running(walsender) => Some(walsender),
            TableSync::MayBeRunning | TableSync::No => None,
        },
    }
}

/// Whether a slot serves the initial copy of a table.
pub enum TableSync<'a> {
    No,
    /// Its name says so, but the connections are hidden.
    MayBeRunning,
    Running(&'a Walsender),
}

/// Returns whether a slot serves a running initial copy. A subscription uses the slot only before and after the copy;
/// in between it is inactive, and the connection's `application_name` equals the slot's name (PostgreSQL source,
/// `LogicalRepSyncTableStart`).
pub fn table_sync<'a>(slot: &Slot, snapshot: &'a Snapshot) -> TableSync<'a> {
    if slot.active || slot.slot_type != SlotType::Logical || !super::owners::is_table_sync(&slot.slot_name) {
        return TableSync::No;
    }
    let Some(walsenders) = snapshot.walsenders.known() else { return TableSync::MayBeRunning };
    let connected = walsenders.iter().find(|walsender| walsender.application_name.as_deref() == Some(&slot.slot_name));
    match connected {
        Some(walsender) => TableSync::Running(walsender),
        None if walsenders.iter().any(|walsender| walsender.application_name.is_none()) => TableSync::MayBeRunning,
        None => TableSync::No,
    }
}

/// Returns the owner: by the rules, then by a subscription of this server, then by the connection.
pub fn detect_owner(slot: &Slot, snapshot: &Snapshot) -> Option<Owner> {
    let walsender = find_walsender(slot, snapshot);
    owner_by_repack(slot)
        .or_else(|| owner_by_name(slot, walsender))
        .or_else(|| owner_by_member(slot, snapshot, walsender))
        .or_else(|| owner_by_subscription(slot, snapshot))
        .or_else(|| owner_by_walsender(slot, walsender?))
}

/// REPACK (CONCURRENTLY) decodes the changes of its table with a temporary slot and the plugin `pgrepack` (PostgreSQL 19).
fn owner_by_repack(slot: &Slot) -> Option<Owner> {
    slot.is_of_repack().then(|| {
        let table = slot.repack.as_ref().and_then(|repack| repack.table.as_ref());
        let name = match (table, &slot.database) {
            (Some(table), _) => format!("REPACK (CONCURRENTLY) of table {table}"),
            (None, Some(database)) => format!("REPACK (CONCURRENTLY) in database {database}"),
            (None, None) => "REPACK (CONCURRENTLY)".to_owned(),
        };
        Owner {
            name,
            confidence: Confidence::Certain,
            source: "output plugin pgrepack of a temporary slot, pg_stat_progress_repack".to_owned(),
            cost: super::owners::REPACK_COST.to_owned(),
            is_managed: false,
            manages_standbys: false,
        }
    })
}

/// Patroni names a member's slot after the member: lower case, `-` and `.` as `_` (Patroni, `dcs/__init__.py`), and the
/// member's walreceiver connects under the member's name.
fn owner_by_member(slot: &Slot, snapshot: &Snapshot, walsender: Option<&Walsender>) -> Option<Owner> {
    let (manager, _) = snapshot.managers.known()?.manager().filter(|(manager, _)| *manager == "Patroni")?;
    let member = walsender?.application_name.as_deref()?;
    let expected: String =
        member.to_lowercase().chars().map(|c| if matches!(c, '-' | '.') { '_' } else { c }).take(63).collect();
    (slot.slot_type == SlotType::Physical && expected == slot.slot_name).then(|| Owner {
        name: format!("{manager} member {member}"),
        confidence: Confidence::Certain,
        source: "Patroni is detected, and the walsender has the name of the member".to_owned(),
        cost:
            "Patroni recreates the slots of its members; until then, the member may need WAL that pg_wal no longer has."
                .to_owned(),
        is_managed: true,
        manages_standbys: true,
    })
}

/// Returns the owner by the rules only.
pub fn owner_by_name(slot: &Slot, walsender: Option<&Walsender>) -> Option<Owner> {
    let application = walsender.and_then(|walsender| walsender.application_name.as_deref());
    let rule = OWNERS.iter().find(|rule| rule.matches(slot, application))?;
    // The program identifies itself.
    let confidence = if rule.application.is_some() { Confidence::Certain } else { rule.confidence };
    Some(rule.owner_with(confidence))
}

impl OwnerRule {
    /// Returns whether every condition of the rule is met. The name is not sufficient, because products may use the same
    /// names.
    fn matches(&self, slot: &Slot, application: Option<&str>) -> bool {
        self.name.is_none_or(|name| name.matches(&slot.slot_name))
            && self.slot_type.is_none_or(|slot_type| slot_type == slot.slot_type)
            && (self.plugins.is_empty() || slot.plugin.as_deref().is_some_and(|plugin| self.plugins.contains(&plugin)))
            && self
                .application
                .is_none_or(|name| application.is_some_and(|application| application.to_lowercase().starts_with(name)))
    }

    fn owner_with(&self, confidence: Confidence) -> Owner {
        Owner {
            name: self.owner.to_owned(),
            confidence,
            source: self.source.to_owned(),
            cost: self.cost.to_owned(),
            is_managed: self.is_managed,
            manages_standbys: self.manages_standbys,
        }
    }
}

/// Returns the subscription of this server that uses the slot. Only its owner may see whether it connects to this
/// server, so the confidence is at most `likely`.
fn owner_by_subscription(slot: &Slot, snapshot: &Snapshot) -> Option<Owner> {
    let uses = |subscription: &&Subscription| {
        subscription.subslotname.as_deref() == Some(&slot.slot_name)
            && slot.plugin.as_deref() == Some("pgoutput")
            && slot.database.as_deref() != Some(&subscription.database)
    };
    let subscription = snapshot.subscriptions.known()?.iter().find(uses)?;
    let state = if subscription.subenabled { "" } else { ", disabled" };
    Some(Owner {
        name: format!("subscription {} in database {}{state}", subscription.subname, subscription.database),
        confidence: Confidence::Likely,
        source: "pg_subscription.subslotname of this server".to_owned(),
        cost: super::owners::SUBSCRIPTION_COST.to_owned(),
        is_managed: false,
        manages_standbys: false,
    })
}

fn owner_by_walsender(slot: &Slot, walsender: &Walsender) -> Option<Owner> {
    let name = walsender.application_name.as_deref().filter(|name| !name.is_empty())?;
    let cost = match slot.slot_type {
        SlotType::Physical => super::owners::STANDBY_COST,
        SlotType::Logical => super::owners::PIPELINE_COST,
    };
    let from = walsender.client_addr.as_deref().map(|address| format!(" at {address}")).unwrap_or_default();
    Some(Owner {
        name: format!("{name}{from}"),
        confidence: Confidence::Certain,
        source: "pg_stat_replication.application_name of the consumer".to_owned(),
        cost: cost.to_owned(),
        is_managed: false,
        manages_standbys: false,
    })
}
