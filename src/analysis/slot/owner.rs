//! Who probably created a slot.

use super::owners::{OWNERS, OwnerRule};
use crate::facts::{Slot, SlotType, Snapshot, Subscription, Walsender};
use serde::Serialize;

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A convention that others may follow too.
    Possible,
    /// Its documented name, and all else fits.
    Likely,
    /// It says so itself: it is connected.
    Certain,
}

/// Whose slot it probably is, and what dropping it would cost them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    pub name: String,
    pub confidence: Confidence,
    /// Where the rule comes from.
    pub source: String,
    /// A sentence.
    pub cost: String,
    #[serde(skip)]
    pub is_managed: bool,
    /// It manages standbys, so that other physical slots are its own too.
    #[serde(skip)]
    pub manages_standbys: bool,
}

/// Who streams by way of the slot now.
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
    /// Its name says so, but who is connected cannot be seen.
    MayBeRunning,
    Running(&'a Walsender),
}

/// While a subscription copies a table it uses the slot it made for that only before and after: in between nobody holds
/// it. What tells is the connection, which bears the slot's name (PostgreSQL source, `LogicalRepSyncTableStart`).
pub fn table_sync<'a>(slot: &Slot, snapshot: &'a Snapshot) -> TableSync<'a> {
    if slot.active || slot.slot_type != SlotType::Logical || !super::owners::is_table_sync(&slot.slot_name) {
        return TableSync::No;
    }
    let Some(walsenders) = snapshot.walsenders.known() else { return TableSync::MayBeRunning };
    let connected = walsenders.iter().find(|one| one.application_name.as_deref() == Some(&slot.slot_name));
    match connected {
        Some(walsender) => TableSync::Running(walsender),
        None if walsenders.iter().any(|one| one.application_name.is_none()) => TableSync::MayBeRunning,
        None => TableSync::No,
    }
}

/// The owner: by the rules, then by a subscription of this server, then by who is connected.
pub fn detect_owner(slot: &Slot, snapshot: &Snapshot) -> Option<Owner> {
    let walsender = find_walsender(slot, snapshot);
    owner_by_name(slot, walsender)
        .or_else(|| owner_by_member(slot, snapshot, walsender))
        .or_else(|| owner_by_subscription(slot, snapshot))
        .or_else(|| owner_by_walsender(slot, walsender?))
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
        source: "Patroni is connected, and the walsender has the member's name".to_owned(),
        cost: "Patroni makes the slots of its members anew; until then the member may fall behind what pg_wal keeps."
            .to_owned(),
        is_managed: true,
        manages_standbys: true,
    })
}

/// By the rules alone.
pub fn owner_by_name(slot: &Slot, walsender: Option<&Walsender>) -> Option<Owner> {
    let application = walsender.and_then(|walsender| walsender.application_name.as_deref());
    let rule = OWNERS.iter().find(|rule| rule.matches(slot, application))?;
    // It says itself who it is.
    let confidence = if rule.application.is_some() { Confidence::Certain } else { rule.confidence };
    Some(rule.owner_with(confidence))
}

impl OwnerRule {
    /// Every condition of a rule must hold: one product's slots may look like another's by name alone.
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

/// `CREATE SUBSCRIPTION` names its slot after itself. Whether a subscription of this server takes from this server
/// only its owner may see, hence no more than likely.
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
        source: "pg_stat_replication.application_name of who is connected".to_owned(),
        cost: cost.to_owned(),
        is_managed: false,
        manages_standbys: false,
    })
}
