//! Tests of the plan: slots that are never dropped, that need a flag, that need a name, and that are dropped.

use super::*;
use crate::actions::{Consent, Plan as _};
use crate::analysis::slot::Limits;
use crate::facts::history::HistoryView;
use crate::facts::{Provider, SlotIdentity};
use proptest::prelude::*;
use serde_json::{Value, json};

const SEGMENT: u64 = 16 << 20;

fn lsn_of_segment(segments: u64) -> String {
    crate::units::Lsn::new((1_000 + segments) * SEGMENT).to_string()
}

/// A logical slot that was not used for thirty days, at segment 0.
fn logical_slot_json(fields: Value) -> Value {
    let mut slot = json!({
        "slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "datoid": "5", "database": "shop",
        "temporary": false, "active": false, "active_pid": null, "xmin": null, "catalog_xmin": "731",
        "xmin_age": null, "catalog_xmin_age": 50, "restart_lsn": lsn_of_segment(0), "confirmed_flush_lsn": lsn_of_segment(0),
        "wal_status": "reserved", "safe_wal_size": null, "two_phase": false, "conflicting": false,
        "inactive_since": "2026-10-01T00:00:00Z", "invalidation_reason": null, "failover": false, "synced": false,
    });
    slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    slot
}

fn physical_slot_json(fields: Value) -> Value {
    let mut slot = logical_slot_json(json!({"slot_type": "physical", "plugin": null, "database": null, "datoid": null,
                               "confirmed_flush_lsn": null, "catalog_xmin": null, "catalog_xmin_age": null,
                               "conflicting": null}));
    slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    slot
}

/// A snapshot on 17 with the WAL position at segment 100 and the last checkpoint at segment 90.
fn snapshot_with_slots(slots: &[Value], fields: Value) -> Snapshot {
    let setting = |name: &str, value: &str, unit: Value| json!({"name": name, "setting": value, "unit": unit, "source": "default", "pending_restart": false});
    let mut snapshot_json = json!({
        "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": "2026-11-01T00:00:00Z",
        "server": {"version_num": 170_004, "version": "", "database": "shop", "role": "dba",
                   "role_is_superuser": false, "role_may_replicate": true, "role_is_monitor": true,
                   "in_recovery": false, "started_at": "2026-01-01T00:00:00Z", "requested_at": "2026-11-01T00:00:00Z",
                   "block_size_bytes": 8192, "wal_segment_bytes": SEGMENT},
        "control": {"known": {"system_identifier": "7", "timeline_id": 1, "redo_lsn": lsn_of_segment(90),
                              "checkpoint_lsn": lsn_of_segment(90), "checkpoint_time": "2026-10-31T23:00:00Z"}},
        "settings": {"known": [setting("wal_keep_size", "0", json!("MB")), setting("archive_mode", "off", Value::Null),
                               setting("synchronized_standby_slots", "", Value::Null),
                               setting("max_wal_size", "320", json!("MB")),
                               setting("checkpoint_timeout", "300", json!("s"))]},
        "slots": {"known": slots},
        "managers": {"known": {"application_names": [], "roles": []}},
        "rights": {"known": {"may_drop_slots": true, "may_checkpoint": true}},
        "wal_position": {"known": {"current_lsn": lsn_of_segment(100), "replay_lsn": null, "requested_at": "2026-11-01T00:00:00Z"}},
    });
    for (key, value) in fields.as_object().unwrap() {
        match value.as_object() {
            Some(inner) if key == "server" => snapshot_json[key].as_object_mut().unwrap().extend(inner.clone()),
            _ => snapshot_json[key] = value.clone(),
        }
    }
    serde_json::from_value(snapshot_json).unwrap()
}

fn plan_drops(snapshot: &Snapshot, request: &SlotDropRequest) -> Result<SlotDrops, SlotDropPlanError> {
    SlotDrops::new(&SlotEvidence { snapshot, history: &HistoryView::default(), limits: &Limits::default() }, request)
}

fn request_for(names: &[&str]) -> SlotDropRequest {
    SlotDropRequest { names: names.iter().map(|name| (*name).to_owned()).collect(), ..SlotDropRequest::default() }
}

/// Returns the reasons against dropping the slot.
fn refusals_for(slot: Value, fields: Value, asked: SlotDropRequest) -> Vec<Refusal> {
    let name = slot["slot_name"].as_str().unwrap().to_owned();
    let plan =
        plan_drops(&snapshot_with_slots(&[slot], fields), &SlotDropRequest { names: vec![name], ..asked }).unwrap();
    assert_eq!(plan.drops.is_empty(), !plan.refused.is_empty());
    plan.refused.into_iter().flat_map(|refused| refused.refusals).collect()
}

#[test]
fn slot_drop_refuses_active_temporary_synced() {
    let allow_all = || SlotDropRequest { allow_managed: true, allow_unproven: true, ..SlotDropRequest::default() };
    let standby = || json!({"server": {"in_recovery": true}});
    for (slot, fields, refusal) in [
        (logical_slot_json(json!({"active": true, "active_pid": 7})), json!({}), Refusal::Active { pid: Some(7) }),
        (logical_slot_json(json!({"active_pid": 7})), json!({}), Refusal::Active { pid: Some(7) }),
        (logical_slot_json(json!({"temporary": true, "active": true})), json!({}), Refusal::Temporary),
        (logical_slot_json(json!({"temporary": true})), json!({}), Refusal::Temporary),
        (
            logical_slot_json(json!({"temporary": true, "active": true, "plugin": "pgrepack",
                                     "repack": {"pid": 7, "table": "shop.orders"}})),
            json!({}),
            Refusal::Repack { table: Some("shop.orders".to_owned()) },
        ),
        (logical_slot_json(json!({"synced": true})), standby(), Refusal::Synced),
    ] {
        assert_eq!(refusals_for(slot, fields, allow_all()), [refusal]);
    }
    let copying = json!({"walsenders": {"known": [{
        "pid": 9, "application_name": "pg_16394_sync_16385_7710542127114456140", "role": null, "client_addr": null,
        "backend_start": null, "state": "startup", "sent_lsn": null, "flush_lsn": null, "replay_lsn": null,
    }]}});
    let copy = logical_slot_json(json!({"slot_name": "pg_16394_sync_16385_7710542127114456140"}));
    assert_eq!(refusals_for(copy, copying, allow_all()), [Refusal::Active { pid: Some(9) }], "a table's copy runs");
    assert_eq!(
        refusals_for(logical_slot_json(json!({"synced": true})), json!({}), allow_all()),
        [],
        "promoted: the flag stays, its meaning not"
    );
    assert_eq!(refusals_for(physical_slot_json(json!({})), standby(), allow_all()), [], "a standby's own slot");
}

#[test]
fn slot_drop_managed_needs_allow_managed() {
    let gate = json!({"settings": {"known": [{"name": "synchronized_standby_slots", "setting": "other, \"orders\"",
                      "unit": null, "source": "file", "pending_restart": false}]}});
    let hidden = || json!({"settings": {"known": []}});
    let patroni = json!({"managers": {"known": {"application_names": ["Patroni"], "roles": []}}});
    let denied = json!({"managers": {"unavailable": {"fact": "managers", "reason": "permission denied"}}});
    let managed = |by: &str| Refusal::Managed { by: by.to_owned() };
    let unknown = |fact: &str| Refusal::ProtectionUnknown { fact: fact.to_owned() };
    for (slot, fields, refusal) in [
        (logical_slot_json(json!({"failover": true})), json!({}), Refusal::Failover),
        (physical_slot_json(json!({})), gate, Refusal::GatesFailoverSlots),
        (physical_slot_json(json!({})), patroni, managed("Patroni")),
        (physical_slot_json(json!({"slot_name": "_cnpg_shop_2"})), json!({}), managed("CloudNativePG")),
        (physical_slot_json(json!({})), hidden(), unknown("synchronized_standby_slots")),
        (physical_slot_json(json!({})), denied, unknown("managers")),
    ] {
        assert_eq!(
            refusals_for(slot.clone(), fields.clone(), SlotDropRequest::default()),
            std::slice::from_ref(&refusal)
        );
        assert_eq!(refusal.flag(), Some("--allow-managed"));
        let allowed = SlotDropRequest { allow_managed: true, ..SlotDropRequest::default() };
        assert_eq!(refusals_for(slot, fields, allowed), []);
    }
    assert_eq!(
        refusals_for(logical_slot_json(json!({})), hidden(), SlotDropRequest::default()),
        [],
        "no logical slot gates others"
    );
}

#[test]
fn slot_drop_plan_fails_without_privilege() {
    let names = || request_for(&["orders"]);
    let no_right =
        |fields: Value| match plan_drops(&snapshot_with_slots(&[logical_slot_json(json!({}))], fields), &names()) {
            Err(SlotDropPlanError::MissingPrivilege { hint, .. }) => hint,
            other => panic!("{other:?}"),
        };
    let may_not = json!({"known": {"may_drop_slots": false, "may_checkpoint": false}});
    assert!(no_right(json!({"rights": may_not})).starts_with("ALTER ROLE dba REPLICATION"));
    let marks = json!({"aurora_function": false, "aurora_version": false, "setting_prefixes": ["rds"], "roles": ["rds_superuser"]});
    let rds =
        snapshot_with_slots(&[logical_slot_json(json!({}))], json!({"rights": may_not, "provider": {"known": marks}}));
    assert_eq!(rds.provider(), Provider::Rds);
    let Err(SlotDropPlanError::MissingPrivilege { hint, .. }) = plan_drops(&rds, &names()) else { panic!("{rds:?}") };
    assert_eq!(hint, "GRANT rds_replication TO dba");
    let slots_only = json!({"rights": {"known": {"may_drop_slots": true, "may_checkpoint": false}}});
    let checkpoint = SlotDropRequest { checkpoint: true, ..names() };
    let refused =
        plan_drops(&snapshot_with_slots(&[logical_slot_json(json!({}))], slots_only), &checkpoint).unwrap_err();
    let SlotDropPlanError::MissingCheckpointPrivilege { hint: Some(hint), .. } = refused else { panic!("{refused:?}") };
    assert_eq!(hint, "GRANT pg_checkpoint TO dba");

    let unknown_slot = plan_drops(
        &snapshot_with_slots(&[logical_slot_json(json!({}))], json!({})),
        &request_for(&["orders", "order"]),
    )
    .unwrap_err();
    assert_eq!(unknown_slot, SlotDropPlanError::NoSuchSlot { name: "order".to_owned() });
    let hidden = json!({"slots": {"unavailable": {"fact": "replication slots", "reason": "denied"}}});
    assert!(matches!(plan_drops(&snapshot_with_slots(&[], hidden), &names()), Err(SlotDropPlanError::Unreadable(_))));
    let unknown_rights = json!({"rights": {"unavailable": {"fact": "role rights", "reason": "denied"}}});
    assert!(
        plan_drops(&snapshot_with_slots(&[logical_slot_json(json!({}))], unknown_rights), &names()).is_ok(),
        "the server will say"
    );
}

#[test]
fn slot_drop_stale_takes_stale_and_lost() {
    let slots = [
        logical_slot_json(json!({})),
        logical_slot_json(json!({"slot_name": "in_use", "active": true})),
        logical_slot_json(json!({"slot_name": "resting", "inactive_since": "2026-10-31T00:00:00Z"})),
        logical_slot_json(
            json!({"slot_name": "lost", "restart_lsn": null, "wal_status": "lost", "invalidation_reason": "wal_removed"}),
        ),
        physical_slot_json(json!({"slot_name": "lost_standby", "restart_lsn": null, "wal_status": "lost",
                        "invalidation_reason": "wal_removed"})),
        physical_slot_json(json!({"slot_name": "never", "restart_lsn": null, "wal_status": null})),
        logical_slot_json(json!({"slot_name": "stale_failover", "failover": true})),
    ];
    let plan = plan_drops(&snapshot_with_slots(&slots, json!({})), &SlotDropRequest::default()).unwrap();
    assert_eq!(plan.names().collect::<Vec<_>>(), ["orders", "lost"]);
    let refused: Vec<&str> = plan.refused.iter().map(|refused| &*refused.slot_drop.slot.slot_name).collect();
    assert_eq!(refused, ["stale_failover"]);
    let on_18 = json!({"server": {"version_num": 180_001}});
    let plan = plan_drops(&snapshot_with_slots(&slots, on_18), &SlotDropRequest::default()).unwrap();
    assert!(plan.names().any(|name| name == "lost_standby"), "from 18 on it cannot come back");
    assert!(
        plan_drops(&snapshot_with_slots(&slots[1..2], json!({})), &SlotDropRequest::default())
            .unwrap()
            .drops
            .is_empty()
    );
}

#[test]
fn slot_drop_unattended_needs_name_and_proof() {
    let slots = [
        logical_slot_json(json!({})),
        logical_slot_json(json!({"slot_name": "resting", "inactive_since": "2026-10-31T00:00:00Z"})),
    ];
    let snapshot = snapshot_with_slots(&slots, json!({}));
    let confirmed = |asked: &SlotDropRequest| plan_drops(&snapshot, asked).unwrap().confirm(Consent::Unattended);
    let remaining = |asked: &SlotDropRequest| {
        confirmed(asked).map(|plan| plan.plan().names().map(str::to_owned).collect::<Vec<_>>())
    };

    let not_named = confirmed(&SlotDropRequest::default()).unwrap_err();
    assert_eq!(not_named.refused[0].refusals, [Refusal::NotNamed], "--stale names nothing");
    let droppable = SlotDropRequest { droppable: vec!["orders".to_owned()], ..SlotDropRequest::default() };
    assert_eq!(remaining(&droppable).unwrap(), ["orders"]);
    let unproven = confirmed(&request_for(&["resting"])).unwrap_err();
    assert_eq!(unproven.refused[0].refusals, [Refusal::Unproven { verdict: SlotVerdict::Inactive }]);
    assert!(unproven.drops.is_empty());
    assert_eq!(remaining(&request_for(&["resting", "orders"])).unwrap(), ["orders"]);
    let waived = SlotDropRequest { allow_unproven: true, ..request_for(&["resting", "orders"]) };
    assert_eq!(remaining(&waived).unwrap(), ["orders", "resting"]);
}

/// A primary of 19 with `wal_level = replica` and a physical slot of a standby.
fn snapshot_with_standby(slots: &[Value], wal_level: &str) -> Snapshot {
    let mut slots = slots.to_vec();
    slots.push(physical_slot_json(json!({"slot_name": "gate", "inactive_since": "2026-10-31T00:00:00Z"})));
    let mut snapshot = snapshot_with_slots(&slots, json!({"server": {"version_num": 190_000}}));
    snapshot.walsenders = crate::facts::Fact::Known(Vec::new());
    let Some(settings) = snapshot.settings.known().cloned() else { panic!("no settings") };
    let mut settings = settings;
    settings.0.push(
        serde_json::from_value(json!({"name": "wal_level", "setting": wal_level, "unit": null, "source": "default",
            "pending_restart": false}))
        .unwrap(),
    );
    snapshot.settings = crate::facts::Fact::Known(settings);
    snapshot
}

#[test]
fn slot_drop_last_logical_slot_needs_flag() {
    let slots = [logical_slot_json(json!({})), logical_slot_json(json!({"slot_name": "other"}))];
    let snapshot = snapshot_with_standby(&slots, "replica");
    let stale = plan_drops(&snapshot, &SlotDropRequest::default()).unwrap();
    assert_eq!(stale.names().collect::<Vec<_>>(), ["orders"]);
    assert_eq!(stale.refused[0].refusals, [Refusal::LastLogicalSlot], "--stale");
    assert_eq!(stale.ends_logical_decoding, None, "the refused slot remains");
    assert_eq!(Refusal::LastLogicalSlot.flag(), Some("--allow-last-logical-slot"));

    let named = || plan_drops(&snapshot, &request_for(&["orders", "other"])).unwrap();
    let end = named().ends_logical_decoding.unwrap();
    assert_eq!(end.standbys.unread, ["slot gate"]);
    let unattended = named().confirm(Consent::Unattended).unwrap();
    assert_eq!(unattended.plan().names().collect::<Vec<_>>(), ["orders"], "--yes");
    let typed = named().confirm(Consent::Typed(vec!["orders".to_owned(), "other".to_owned()])).unwrap();
    assert_eq!(typed.plan().names().count(), 2, "the plan was read");
    let allowed = SlotDropRequest { allow_last_logical_slot: true, ..SlotDropRequest::default() };
    assert_eq!(plan_drops(&snapshot, &allowed).unwrap().names().count(), 2);
    let logical = plan_drops(&snapshot_with_standby(&slots, "logical"), &SlotDropRequest::default()).unwrap();
    assert_eq!((logical.names().count(), logical.ends_logical_decoding), (2, None));
}

#[test]
fn slot_drop_recheck_sees_new_last_slot() {
    let slots = [logical_slot_json(json!({})), logical_slot_json(json!({"slot_name": "other"}))];
    let snapshot = snapshot_with_standby(&slots, "replica");
    let without_gate = |slots: &[Value]| snapshot_with_slots(slots, json!({})).slots.known().unwrap().clone();
    let recheck = |asked: &SlotDropRequest, consent: Consent, slots: &[Slot]| {
        let plan = plan_drops(&snapshot, asked).unwrap().confirm(consent.clone()).unwrap();
        plan.plan().recheck_logical_decoding("orders", &consent, slots, &crate::facts::Fact::Known(Vec::new()))
    };
    let named = request_for(&["orders"]);
    let typed = || Consent::Typed(vec!["orders".to_owned()]);
    assert_eq!(recheck(&named, Consent::Unattended, &without_gate(&slots)), None);
    let alone = without_gate(&slots[..1]);
    for consent in [Consent::Unattended, typed()] {
        let why = recheck(&named, consent, &alone).unwrap();
        assert!(why.contains("now the last valid logical slot"), "{why}");
    }
    let allowed = SlotDropRequest { allow_last_logical_slot: true, ..named };
    assert_eq!(recheck(&allowed, Consent::Unattended, &alone), None);

    let single = snapshot_with_standby(&slots[..1], "replica");
    let announced = plan_drops(&single, &request_for(&["orders"])).unwrap().confirm(typed()).unwrap();
    let walsenders = crate::facts::Fact::Known(Vec::new());
    let present = single.slots.known().unwrap();
    assert_eq!(announced.plan().recheck_logical_decoding("orders", &typed(), present, &walsenders), None);
    let why = announced.plan().recheck_logical_decoding("orders", &Consent::Unattended, present, &walsenders);
    assert!(why.unwrap().contains("a standby has connected"));
}

#[test]
fn slot_drop_terminal_needs_typed_name() {
    let slots = [
        logical_slot_json(json!({})),
        logical_slot_json(json!({"slot_name": "resting", "inactive_since": "2026-10-31T00:00:00Z"})),
    ];
    let plan = || plan_drops(&snapshot_with_slots(&slots, json!({})), &request_for(&["orders", "resting"])).unwrap();
    let typed = |names: &[&str]| Consent::Typed(names.iter().map(|name| (*name).to_owned()).collect());
    let nothing = plan().confirm(typed(&["yes", "ORDERS"])).unwrap_err();
    assert!(nothing.refused.iter().all(|refused| refused.refusals == [Refusal::NotTyped]));
    let confirmed_plan = plan().confirm(typed(&["resting"])).unwrap();
    assert_eq!(
        (confirmed_plan.plan().names().collect::<Vec<_>>(), confirmed_plan.plan().refused.len()),
        (vec!["resting"], 1)
    );
}

#[test]
fn slot_drop_sums_reclaimable_wal() {
    let slot_at = |name: &str, segments: u64| {
        logical_slot_json(json!({"slot_name": name, "restart_lsn": lsn_of_segment(segments),
                                                     "confirmed_flush_lsn": lsn_of_segment(segments)}))
    };
    let slots = [slot_at("c", 60), slot_at("a", 10), slot_at("b", 30)];
    let snapshot = snapshot_with_slots(&slots, json!({}));
    let freed = |plan: &SlotDrops| plan.total_reclaimable.at_checkpoint_bytes.map(|bytes| bytes / SEGMENT);
    let plan_for = |names: &[&str]| plan_drops(&snapshot, &request_for(names)).unwrap();
    assert_eq!(freed(&plan_for(&["a"])), Some(20));
    assert_eq!(freed(&plan_for(&["b"])), Some(0), "the other holds it still");
    let plan = plan_for(&["b", "c", "a"]);
    assert_eq!(freed(&plan), Some(80), "down to the last checkpoint");
    assert_eq!(plan.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(plan.reclaimable_per_drop(), [Some(20 * SEGMENT), Some(30 * SEGMENT), Some(30 * SEGMENT)]);
    assert_eq!(plan.total_reclaimable.may_be_recycled_bytes, Some(20 * SEGMENT), "max_wal_size");
    assert_eq!((plan.total_reclaimable.now_bytes, plan.drops[0].retained_bytes), (0, Some(90 * SEGMENT)));
    let blind = snapshot_with_slots(
        &slots,
        json!({"wal_position": {"unavailable": {"fact": "wal position", "reason": "denied"}}}),
    );
    let blind = plan_drops(&blind, &request_for(&["a"])).unwrap();
    assert_eq!((freed(&blind), blind.drops[0].retained_bytes, blind.reclaimable_per_drop()), (None, None, vec![None]));
    assert_eq!(blind.missing_fact().unwrap().fact, "wal position");
}

#[test]
fn slot_drop_statement_compares_all_columns() {
    let started_at = "2026-01-01T00:00:00.000001Z".parse().unwrap();
    let slot_identity: SlotIdentity = serde_json::from_value(logical_slot_json(json!({"plugin": "it's"}))).unwrap();
    insta::assert_snapshot!(drop_slot_statement(&slot_identity, 170_004, started_at));
    let slot_identity: SlotIdentity = serde_json::from_value(physical_slot_json(json!({}))).unwrap();
    insta::assert_snapshot!(drop_slot_statement(&slot_identity, 160_004, started_at));
}

#[test]
fn recreate_statement_keeps_slot_kind() {
    let made = |slot: Value, major| {
        let slot: Slot = serde_json::from_value(slot).unwrap();
        recreate_slot_statement(&slot, major)
    };
    for (slot, major, statement) in [
        (logical_slot_json(json!({})), 13, "SELECT pg_create_logical_replication_slot('orders', 'pgoutput')"),
        (
            logical_slot_json(json!({"two_phase": true})),
            14,
            "SELECT pg_create_logical_replication_slot('orders', 'pgoutput', false, true)",
        ),
        (
            logical_slot_json(json!({"failover": true})),
            17,
            "SELECT pg_create_logical_replication_slot('orders', 'pgoutput', false, false, true)",
        ),
        (physical_slot_json(json!({})), 13, "SELECT pg_create_physical_replication_slot('orders', true)"),
        (
            physical_slot_json(json!({"restart_lsn": null, "wal_status": null})),
            18,
            "SELECT pg_create_physical_replication_slot('orders', false)",
        ),
    ] {
        assert_eq!(made(slot, major), statement);
    }
}

proptest! {
    /// For any request and consent: a confirmed plan contains no active, temporary or synced slot, and a managed slot
    /// only with its flag. Without a terminal, each slot is named, and proven unless the proof was waived.
    #[test]
    fn slot_drop_confirmed_plan_obeys_rules(
        kinds in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()), 1..6),
        (by_name, managed, unproven, in_recovery, typed) in any::<(bool, bool, bool, bool, bool)>(),
        droppable: bool,
    ) {
        let slots: Vec<Value> = kinds.iter().enumerate().map(|(number, (active, temporary, failover, synced, recent))| {
            let since = if *recent { "2026-10-31T00:00:00Z" } else { "2026-10-01T00:00:00Z" };
            logical_slot_json(json!({"slot_name": format!("s{number}"), "active": active, "temporary": temporary,
                        "failover": failover, "synced": synced, "inactive_since": since}))
        }).collect();
        let snapshot = snapshot_with_slots(&slots, json!({"server": {"in_recovery": in_recovery}}));
        let names: Vec<String> = (0..slots.len()).map(|number| format!("s{number}")).collect();
        let asked = SlotDropRequest {
            names: if by_name { names.clone() } else { Vec::new() },
            droppable: if droppable { vec!["s0".to_owned()] } else { Vec::new() },
            allow_managed: managed, allow_unproven: unproven, ..SlotDropRequest::default()
        };
        let consent = if typed { Consent::Typed(names) } else { Consent::Unattended };
        let plan = plan_drops(&snapshot, &asked).unwrap();
        if let Ok(confirmed) = plan.confirm(consent) {
            for drop in &confirmed.plan().drops {
                let slot = &drop.slot;
                prop_assert!(!slot.active && !slot.temporary);
                prop_assert!(!(slot.synced == Some(true) && in_recovery));
                prop_assert!(managed || slot.failover == Some(false));
                prop_assert!(typed || by_name || (droppable && slot.slot_name == "s0"));
                prop_assert!(typed || unproven || drop.verdict == SlotVerdict::Stale);
                prop_assert!(by_name || drop.verdict == SlotVerdict::Stale);
            }
        }
    }
}
