//! What is never dropped, what needs a flag, what needs a name; then what is.

use super::*;
use crate::{
    judge::slot::Limits,
    model::{Provider, SlotSight, past::Memory},
    plan::{Consent, Plan as _},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const SEGMENT: u64 = 16 << 20;

fn lsn(segments: u64) -> String {
    crate::model::Lsn((1_000 + segments) * SEGMENT).to_string()
}

/// A logical slot that nobody has used for thirty days, at segment 0.
fn slot(fields: Value) -> Value {
    let mut slot = json!({
        "slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "datoid": "5", "database": "shop",
        "temporary": false, "active": false, "active_pid": null, "xmin": null, "catalog_xmin": "731",
        "xmin_age": null, "catalog_xmin_age": 50, "restart_lsn": lsn(0), "confirmed_flush_lsn": lsn(0),
        "wal_status": "reserved", "safe_wal_size": null, "two_phase": false, "conflicting": false,
        "inactive_since": "2026-10-01T00:00:00Z", "invalidation_reason": null, "failover": false, "synced": false,
    });
    slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    slot
}

fn physical(fields: Value) -> Value {
    let mut slot = slot(json!({"slot_type": "physical", "plugin": null, "database": null, "datoid": null,
                               "confirmed_flush_lsn": null, "catalog_xmin": null, "catalog_xmin_age": null,
                               "conflicting": null}));
    slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    slot
}

/// A look at 17 that finds WAL at segment 100 and the last checkpoint at 90.
fn look(slots: &[Value], fields: Value) -> Snapshot {
    let setting = |name: &str, value: &str, unit: Value| json!({"name": name, "setting": value, "unit": unit, "source": "default", "pending_restart": false});
    let mut look = json!({
        "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": "2026-11-01T00:00:00Z",
        "server": {"version_num": 170_004, "version": "", "database": "shop", "role": "dba",
                   "role_is_superuser": false, "role_may_replicate": true, "role_is_monitor": true,
                   "in_recovery": false, "started_at": "2026-01-01T00:00:00Z", "asked_at": "2026-11-01T00:00:00Z",
                   "block_size_bytes": 8192, "wal_segment_bytes": SEGMENT},
        "control": {"known": {"system_identifier": "7", "timeline_id": 1, "redo_lsn": lsn(90),
                              "checkpoint_lsn": lsn(90), "checkpoint_time": "2026-10-31T23:00:00Z"}},
        "settings": {"known": [setting("wal_keep_size", "0", json!("MB")), setting("archive_mode", "off", Value::Null),
                               setting("synchronized_standby_slots", "", Value::Null),
                               setting("max_wal_size", "320", json!("MB")),
                               setting("checkpoint_timeout", "300", json!("s"))]},
        "slots": {"known": slots},
        "managers": {"known": {"application_names": [], "roles": []}},
        "rights": {"known": {"may_drop_slots": true, "may_checkpoint": true}},
        "wal_position": {"known": {"current_lsn": lsn(100), "replay_lsn": null, "asked_at": "2026-11-01T00:00:00Z"}},
    });
    for (key, value) in fields.as_object().unwrap() {
        match value.as_object() {
            Some(inner) if key == "server" => look[key].as_object_mut().unwrap().extend(inner.clone()),
            _ => look[key] = value.clone(),
        }
    }
    serde_json::from_value(look).unwrap()
}

fn planned(snapshot: &Snapshot, asked: &Asked) -> Result<SlotDrops, Impossible> {
    SlotDrops::of(&Evidence { snapshot, memory: &Memory::default(), limits: &Limits::default() }, asked)
}

fn named(names: &[&str]) -> Asked {
    Asked { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Asked::default() }
}

/// What speaks against dropping the one slot.
fn against(slot: Value, fields: Value, asked: Asked) -> Vec<Refusal> {
    let name = slot["slot_name"].as_str().unwrap().to_owned();
    let plan = planned(&look(&[slot], fields), &Asked { names: vec![name], ..asked }).unwrap();
    assert_eq!(plan.drops.is_empty(), !plan.refused.is_empty());
    plan.refused.into_iter().flat_map(|refused| refused.refusals).collect()
}

#[test]
fn no_flag_drops_what_is_in_use_or_not_its_own() {
    let all = || Asked { allow_managed: true, allow_unproven: true, ..Asked::default() };
    let standby = || json!({"server": {"in_recovery": true}});
    for (slot, fields, refusal) in [
        (slot(json!({"active": true, "active_pid": 7})), json!({}), Refusal::Active { pid: Some(7) }),
        (slot(json!({"active_pid": 7})), json!({}), Refusal::Active { pid: Some(7) }),
        (slot(json!({"temporary": true, "active": true})), json!({}), Refusal::Temporary),
        (slot(json!({"temporary": true})), json!({}), Refusal::Temporary),
        (slot(json!({"synced": true})), standby(), Refusal::Synced),
    ] {
        assert_eq!(against(slot, fields, all()), [refusal]);
    }
    let copying = json!({"walsenders": {"known": [{
        "pid": 9, "application_name": "pg_16394_sync_16385_7710542127114456140", "role": null, "client_addr": null,
        "backend_start": null, "state": "startup", "sent_lsn": null, "flush_lsn": null, "replay_lsn": null,
    }]}});
    let copy = slot(json!({"slot_name": "pg_16394_sync_16385_7710542127114456140"}));
    assert_eq!(against(copy, copying, all()), [Refusal::Active { pid: Some(9) }], "a table's copy runs");
    assert_eq!(
        against(slot(json!({"synced": true})), json!({}), all()),
        [],
        "promoted: the flag stays, its meaning not"
    );
    assert_eq!(against(physical(json!({})), standby(), all()), [], "a standby's own slot");
}

#[test]
fn what_is_managed_or_may_be_needs_its_flag() {
    let gate = json!({"settings": {"known": [{"name": "synchronized_standby_slots", "setting": "other, \"orders\"",
                      "unit": null, "source": "file", "pending_restart": false}]}});
    let hidden = || json!({"settings": {"known": []}});
    let patroni = json!({"managers": {"known": {"application_names": ["Patroni"], "roles": []}}});
    let denied = json!({"managers": {"unavailable": {"fact": "managers", "reason": "permission denied"}}});
    let managed = |by: &str| Refusal::Managed { by: by.to_owned() };
    let unknown = |fact: &str| Refusal::ProtectionUnknown { fact: fact.to_owned() };
    for (slot, fields, refusal) in [
        (slot(json!({"failover": true})), json!({}), Refusal::Failover),
        (physical(json!({})), gate, Refusal::GatesFailoverSlots),
        (physical(json!({})), patroni, managed("Patroni")),
        (physical(json!({"slot_name": "_cnpg_shop_2"})), json!({}), managed("CloudNativePG")),
        (physical(json!({})), hidden(), unknown("synchronized_standby_slots")),
        (physical(json!({})), denied, unknown("managers")),
    ] {
        assert_eq!(against(slot.clone(), fields.clone(), Asked::default()), std::slice::from_ref(&refusal));
        assert_eq!(refusal.flag(), Some("--allow-managed"));
        let allowed = Asked { allow_managed: true, ..Asked::default() };
        assert_eq!(against(slot, fields, allowed), []);
    }
    assert_eq!(against(slot(json!({})), hidden(), Asked::default()), [], "no logical slot gates others");
}

#[test]
fn without_a_right_a_name_or_the_slots_there_is_no_plan() {
    let names = || named(&["orders"]);
    let no_right = |fields: Value| match planned(&look(&[slot(json!({}))], fields), &names()) {
        Err(Impossible::NoRight { hint, .. }) => hint,
        other => panic!("{other:?}"),
    };
    let may_not = json!({"known": {"may_drop_slots": false, "may_checkpoint": false}});
    assert!(no_right(json!({"rights": may_not})).starts_with("ALTER ROLE dba REPLICATION"));
    let marks = json!({"aurora_function": false, "aurora_version": false, "setting_prefixes": ["rds"], "roles": ["rds_superuser"]});
    let rds = look(&[slot(json!({}))], json!({"rights": may_not, "provider": {"known": marks}}));
    assert_eq!(rds.provider(), Provider::Rds);
    let Err(Impossible::NoRight { hint, .. }) = planned(&rds, &names()) else { panic!("{rds:?}") };
    assert_eq!(hint, "GRANT rds_replication TO dba");
    let slots_only = json!({"rights": {"known": {"may_drop_slots": true, "may_checkpoint": false}}});
    let checkpoint = Asked { checkpoint: true, ..names() };
    let refused = planned(&look(&[slot(json!({}))], slots_only), &checkpoint).unwrap_err();
    let Impossible::NoRightToCheckpoint { hint: Some(hint), .. } = refused else { panic!("{refused:?}") };
    assert_eq!(hint, "GRANT pg_checkpoint TO dba");

    let nobody = planned(&look(&[slot(json!({}))], json!({})), &named(&["orders", "order"])).unwrap_err();
    assert_eq!(nobody, Impossible::NoSuchSlot { name: "order".to_owned() });
    let hidden = json!({"slots": {"unavailable": {"fact": "replication slots", "reason": "denied"}}});
    assert!(matches!(planned(&look(&[], hidden), &names()), Err(Impossible::Unreadable(_))));
    let unknown_rights = json!({"rights": {"unavailable": {"fact": "role rights", "reason": "denied"}}});
    assert!(planned(&look(&[slot(json!({}))], unknown_rights), &names()).is_ok(), "the server will say");
}

#[test]
fn stale_takes_what_nobody_will_come_back_for() {
    let slots = [
        slot(json!({})),
        slot(json!({"slot_name": "in_use", "active": true})),
        slot(json!({"slot_name": "resting", "inactive_since": "2026-10-31T00:00:00Z"})),
        slot(
            json!({"slot_name": "lost", "restart_lsn": null, "wal_status": "lost", "invalidation_reason": "wal_removed"}),
        ),
        physical(json!({"slot_name": "lost_standby", "restart_lsn": null, "wal_status": "lost",
                        "invalidation_reason": "wal_removed"})),
        physical(json!({"slot_name": "never", "restart_lsn": null, "wal_status": null})),
        slot(json!({"slot_name": "stale_failover", "failover": true})),
    ];
    let plan = planned(&look(&slots, json!({})), &Asked::default()).unwrap();
    assert_eq!(plan.names().collect::<Vec<_>>(), ["orders", "lost"]);
    let refused: Vec<&str> = plan.refused.iter().map(|refused| &*refused.of.slot.slot_name).collect();
    assert_eq!(refused, ["stale_failover"]);
    let on_18 = json!({"server": {"version_num": 180_001}});
    let plan = planned(&look(&slots, on_18), &Asked::default()).unwrap();
    assert!(plan.names().any(|name| name == "lost_standby"), "from 18 on it cannot come back");
    assert!(planned(&look(&slots[1..2], json!({})), &Asked::default()).unwrap().drops.is_empty());
}

#[test]
fn without_a_terminal_only_what_is_proven_and_named_goes() {
    let slots = [slot(json!({})), slot(json!({"slot_name": "resting", "inactive_since": "2026-10-31T00:00:00Z"}))];
    let snapshot = look(&slots, json!({}));
    let confirmed = |asked: &Asked| planned(&snapshot, asked).unwrap().confirm(Consent::Unattended);
    let left = |asked: &Asked| confirmed(asked).map(|plan| plan.plan().names().map(str::to_owned).collect::<Vec<_>>());

    let not_named = confirmed(&Asked::default()).unwrap_err();
    assert_eq!(not_named.refused[0].refusals, [Refusal::NotNamed], "--stale names nothing");
    let droppable = Asked { droppable: vec!["orders".to_owned()], ..Asked::default() };
    assert_eq!(left(&droppable).unwrap(), ["orders"]);
    let unproven = confirmed(&named(&["resting"])).unwrap_err();
    assert_eq!(unproven.refused[0].refusals, [Refusal::Unproven { verdict: Verdict::Inactive }]);
    assert!(unproven.drops.is_empty());
    assert_eq!(left(&named(&["resting", "orders"])).unwrap(), ["orders"]);
    let waived = Asked { allow_unproven: true, ..named(&["resting", "orders"]) };
    assert_eq!(left(&waived).unwrap(), ["orders", "resting"]);
}

#[test]
fn on_a_terminal_what_was_typed_goes() {
    let slots = [slot(json!({})), slot(json!({"slot_name": "resting", "inactive_since": "2026-10-31T00:00:00Z"}))];
    let plan = || planned(&look(&slots, json!({})), &named(&["orders", "resting"])).unwrap();
    let typed = |names: &[&str]| Consent::Typed(names.iter().map(|name| (*name).to_owned()).collect());
    let nothing = plan().confirm(typed(&["yes", "ORDERS"])).unwrap_err();
    assert!(nothing.refused.iter().all(|refused| refused.refusals == [Refusal::NotTyped]));
    let one = plan().confirm(typed(&["resting"])).unwrap();
    assert_eq!((one.plan().names().collect::<Vec<_>>(), one.plan().refused.len()), (vec!["resting"], 1));
}

#[test]
fn what_is_freed_alone_and_together_is_what_nobody_else_keeps() {
    let at = |name: &str, segments: u64| {
        slot(json!({"slot_name": name, "restart_lsn": lsn(segments),
                                                     "confirmed_flush_lsn": lsn(segments)}))
    };
    let slots = [at("c", 60), at("a", 10), at("b", 30)];
    let snapshot = look(&slots, json!({}));
    let freed = |plan: &SlotDrops| plan.together.at_checkpoint_bytes.map(|bytes| bytes / SEGMENT);
    let of = |names: &[&str]| planned(&snapshot, &named(names)).unwrap();
    assert_eq!(freed(&of(&["a"])), Some(20));
    assert_eq!(freed(&of(&["b"])), Some(0), "the other holds it still");
    let all = of(&["b", "c", "a"]);
    assert_eq!(freed(&all), Some(80), "down to the last checkpoint");
    assert_eq!(all.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(all.shares(), [Some(20 * SEGMENT), Some(30 * SEGMENT), Some(30 * SEGMENT)]);
    assert_eq!(all.together.may_be_recycled_bytes, Some(20 * SEGMENT), "max_wal_size");
    assert_eq!((all.together.now_bytes, all.drops[0].holds_bytes), (0, Some(90 * SEGMENT)));
    let blind = look(&slots, json!({"wal_position": {"unavailable": {"fact": "wal position", "reason": "denied"}}}));
    let blind = planned(&blind, &named(&["a"])).unwrap();
    assert_eq!((freed(&blind), blind.drops[0].holds_bytes, blind.shares()), (None, None, vec![None]));
    assert_eq!(blind.what_is_unknown().unwrap().fact, "wal position");
}

#[test]
fn the_statement_compares_all_that_was_seen() {
    let started_at = "2026-01-01T00:00:00.000001Z".parse().unwrap();
    let sight: SlotSight = serde_json::from_value(slot(json!({"plugin": "it's"}))).unwrap();
    insta::assert_snapshot!(statement(&sight, 170_004, started_at));
    let sight: SlotSight = serde_json::from_value(physical(json!({}))).unwrap();
    insta::assert_snapshot!(statement(&sight, 160_004, started_at));
}

#[test]
fn a_successor_is_of_the_same_kind() {
    let made = |slot: Value, major| {
        let slot: Slot = serde_json::from_value(slot).unwrap();
        successor(&slot, major)
    };
    for (slot, major, statement) in [
        (slot(json!({})), 13, "SELECT pg_create_logical_replication_slot('orders', 'pgoutput')"),
        (
            slot(json!({"two_phase": true})),
            14,
            "SELECT pg_create_logical_replication_slot('orders', 'pgoutput', false, true)",
        ),
        (
            slot(json!({"failover": true})),
            17,
            "SELECT pg_create_logical_replication_slot('orders', 'pgoutput', false, false, true)",
        ),
        (physical(json!({})), 13, "SELECT pg_create_physical_replication_slot('orders', true)"),
        (
            physical(json!({"restart_lsn": null, "wal_status": null})),
            18,
            "SELECT pg_create_physical_replication_slot('orders', false)",
        ),
    ] {
        assert_eq!(made(slot, major), statement);
    }
}

proptest! {
    /// Whatever is asked and agreed to: what is in use, temporary, or a synced copy is in no confirmed plan; what is
    /// managed only with its flag; and what an unattended run drops is named, and proven unless that was waived.
    #[test]
    fn no_confirmed_plan_breaks_the_rules(
        kinds in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()), 1..6),
        (by_name, managed, unproven, in_recovery, typed) in any::<(bool, bool, bool, bool, bool)>(),
        droppable: bool,
    ) {
        let slots: Vec<Value> = kinds.iter().enumerate().map(|(number, (active, temporary, failover, synced, recent))| {
            let since = if *recent { "2026-10-31T00:00:00Z" } else { "2026-10-01T00:00:00Z" };
            slot(json!({"slot_name": format!("s{number}"), "active": active, "temporary": temporary,
                        "failover": failover, "synced": synced, "inactive_since": since}))
        }).collect();
        let snapshot = look(&slots, json!({"server": {"in_recovery": in_recovery}}));
        let names: Vec<String> = (0..slots.len()).map(|number| format!("s{number}")).collect();
        let asked = Asked {
            names: if by_name { names.clone() } else { Vec::new() },
            droppable: if droppable { vec!["s0".to_owned()] } else { Vec::new() },
            allow_managed: managed, allow_unproven: unproven, checkpoint: false,
        };
        let consent = if typed { Consent::Typed(names) } else { Consent::Unattended };
        let plan = planned(&snapshot, &asked).unwrap();
        if let Ok(confirmed) = plan.confirm(consent) {
            for drop in &confirmed.plan().drops {
                let slot = &drop.slot;
                prop_assert!(!slot.active && !slot.temporary);
                prop_assert!(!(slot.synced == Some(true) && in_recovery));
                prop_assert!(managed || slot.failover == Some(false));
                prop_assert!(typed || by_name || (droppable && slot.slot_name == "s0"));
                prop_assert!(typed || unproven || drop.verdict == Verdict::Stale);
                prop_assert!(by_name || drop.verdict == Verdict::Stale);
            }
        }
    }
}
