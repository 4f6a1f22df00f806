//! What is not proven is not said; then what is.

use super::*;
use crate::model::{Lsn, SlotType, WalStatus};
use jiff::Timestamp;
use serde_json::{Value, json};

const DAY: i64 = 86_400;
const SEGMENT: u64 = 16 << 20;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn lsn(segments: u64) -> Lsn {
    Lsn((1_000 + segments) * SEGMENT)
}

/// A slot nobody uses, at segment 0.
fn slot(fields: Value) -> Slot {
    let mut slot = json!({
        "slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop", "temporary": false,
        "active": false, "active_pid": null, "restart_lsn": lsn(0), "confirmed_flush_lsn": lsn(0),
        "wal_status": "reserved", "safe_wal_size": null, "xmin_age": null, "catalog_xmin_age": 50,
    });
    slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(slot).unwrap()
}

fn physical(fields: Value) -> Slot {
    let kind = json!({"slot_type": "physical", "plugin": null, "database": null, "confirmed_flush_lsn": null,
                      "catalog_xmin_age": null});
    let mut all = kind.as_object().unwrap().clone();
    all.extend(fields.as_object().unwrap().clone());
    slot(Value::Object(all))
}

/// A look at `at` seconds that finds WAL `segments` further.
fn look(major: u32, at: i64, segments: u64, slots: &[&Slot]) -> Snapshot {
    serde_json::from_value(json!({
        "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": time(at),
        "server": {"version_num": major * 10_000 + 4, "version": "", "database": "shop", "role": "app",
                   "role_is_superuser": false, "role_may_replicate": false, "role_is_monitor": true,
                   "in_recovery": false, "started_at": time(-400 * DAY), "asked_at": time(at),
                   "block_size_bytes": 8192, "wal_segment_bytes": SEGMENT},
        "settings": {"known": []},
        "slots": {"known": slots},
        "wal_position": {"known": {"current_lsn": lsn(segments), "replay_lsn": null, "asked_at": time(at)}},
    }))
    .unwrap()
}

fn judged(now: &Snapshot, earlier: &[Snapshot]) -> Judgement {
    let slot = &now.slots.known().unwrap()[0];
    let mut memory = Memory::default();
    memory.add(earlier);
    Evidence { snapshot: now, memory: &memory, limits: &Limits::default() }.judge(slot)
}

fn verdict(now: &Snapshot, earlier: &[Snapshot]) -> Verdict {
    judged(now, earlier).verdict
}

/// Looks every `step` seconds from `from` to now, WAL a segment further each time.
fn every(step: i64, from: i64, major: u32, slot: &Slot) -> Vec<Snapshot> {
    let count = -from / step;
    (0..count).map(|n| look(major, from + n * step, n as u64, &[slot])).collect()
}

fn has(judgement: &Judgement, id: &str) -> bool {
    judgement.reasons.iter().any(|reason| serde_json::to_value(reason).unwrap()["id"] == id)
}

#[test]
fn an_idle_slot_is_not_stale_before_its_limit() {
    for (idle, missed_a_day) in [(0, false), (DAY - 1, false), (DAY, true), (7 * DAY - 1, true)] {
        let slot = slot(json!({"inactive_since": time(-idle)}));
        let judgement = judged(&look(17, 0, 900, &[&slot]), &[]);
        assert_eq!(judgement.verdict, Verdict::Inactive, "{idle}");
        assert_eq!(has(&judgement, "missed-a-day"), missed_a_day, "{idle}");
        let proven = Reason::ProvenFrom { at: time(7 * DAY - idle) };
        assert!(judgement.reasons.contains(&proven), "{idle}: {:?}", judgement.reasons);
    }
    let standby = physical(json!({"inactive_since": time(-14 * DAY + 1)}));
    assert_eq!(verdict(&look(17, 0, 900, &[&standby]), &[]), Verdict::Inactive);
}

#[test]
fn one_look_before_17_proves_nothing_however_much_it_holds() {
    for major in 13..17 {
        let judgement = judged(&look(major, 0, 1_000_000, &[&slot(json!({}))]), &[]);
        assert_eq!(judgement.verdict, Verdict::Inactive);
        assert!(has(&judgement, "needs-looks"), "{:?}", judgement.reasons);
    }
}

#[test]
fn where_nothing_was_written_an_idle_slot_is_not_forgotten() {
    let slot = slot(json!({"inactive_since": time(-90 * DAY)}));
    let judgement = judged(&look(17, 0, 0, &[&slot]), &[]);
    assert_eq!(judgement.verdict, Verdict::Inactive);
    assert!(has(&judgement, "nothing-to-read"));
    let mut blind = look(17, 0, 900, &[&slot]);
    blind.wal_position = crate::model::Fact::not_asked("wal position");
    assert_eq!(verdict(&blind, &[]), Verdict::Inactive, "without the position nothing is proven");
}

#[test]
fn few_looks_or_a_gap_between_them_prove_nothing_before_17() {
    let slot = slot(json!({}));
    let now = look(16, 0, 900, &[&slot]);
    let six_hourly = every(6 * 3_600, -8 * DAY, 16, &slot);
    assert_eq!(verdict(&now, &six_hourly), Verdict::Stale, "the control");
    assert_eq!(verdict(&now, &six_hourly[10..]), Verdict::Inactive, "less than seven days");
    assert_eq!(verdict(&now, &every(DAY, -8 * DAY, 16, &slot)), Verdict::Inactive, "nine looks");
    let gap: Vec<Snapshot> = six_hourly
        .iter()
        .filter(|one| !(-3 * DAY..-DAY).contains(&(one.collected_at.as_second() - 1_800_000_000)))
        .chain(&every(3_600, -DAY, 16, &slot))
        .cloned()
        .collect();
    assert!(gap.len() > 30);
    assert_eq!(verdict(&now, &gap), Verdict::Inactive, "two days without a look");
}

#[test]
fn whoever_came_by_in_vain_has_a_broken_consumer() {
    let idle = slot(json!({}));
    let now = look(16, 0, 900, &[&idle]);
    let mut looks = every(6 * 3_600, -8 * DAY, 16, &idle);
    let visited = slot(json!({"active": true, "active_pid": 7}));
    let at = looks.len() - 2;
    looks[at].slots = crate::model::Fact::Known(vec![visited]);
    let judgement = judged(&now, &looks);
    assert_eq!(judgement.verdict, Verdict::Lagging);
    assert!(has(&judgement, "visited"));

    // 17 and newer tell of a visit between two looks.
    let before = slot(json!({"inactive_since": time(-9 * DAY)}));
    let after = slot(json!({"inactive_since": time(-60)}));
    let judgement = judged(&look(17, 0, 900, &[&after]), &[look(17, -3_600, 800, &[&before])]);
    assert_eq!(judgement.verdict, Verdict::Lagging);
    assert!(judgement.reasons.contains(&Reason::Visited { at: time(-60) }), "{:?}", judgement.reasons);
}

#[test]
fn a_start_of_the_server_is_no_visit() {
    let before = slot(json!({"inactive_since": time(-6 * DAY)}));
    let after = slot(json!({"inactive_since": time(-3_600)}));
    let mut now = look(17, 0, 900, &[&after]);
    now.server.started_at = time(-3_602);
    let judgement = judged(&now, &[look(17, -2 * DAY, 800, &[&before])]);
    assert_eq!(judgement.verdict, Verdict::Inactive);
    assert!(!has(&judgement, "visited"));
    // Looks bridge the start: it hides nothing from them.
    let mut looks = every(6 * 3_600, -8 * DAY, 17, &before);
    looks.iter_mut().for_each(|one| one.server.started_at = time(-300 * DAY));
    assert_eq!(verdict(&now, &looks), Verdict::Stale);
}

#[test]
fn what_was_on_record_before_a_start_counts_on() {
    let started = |mut look: Snapshot, at: i64| {
        look.server.started_at = time(at);
        look
    };
    let before = slot(json!({"inactive_since": time(-8 * DAY)}));
    let after = slot(json!({"inactive_since": time(-3_599)}));
    let now = started(look(17, 0, 900, &[&after]), -3_600);
    let seen = |at: i64| vec![look(17, at, 800, &[&before])];
    assert_eq!(verdict(&now, &[]), Verdict::Inactive, "the control");
    assert_eq!(verdict(&now, &seen(-DAY)), Verdict::Stale, "seven days on record, and an hour");
    assert!(has(&judged(&now, &seen(-DAY)), "recorded-before"));
    assert_eq!(verdict(&now, &seen(-DAY - 3_600)), Verdict::Inactive, "what nobody saw does not count");
    let older = slot(json!({"inactive_since": time(-20 * DAY)}));
    assert_eq!(verdict(&now, &[look(17, -30 * 3_600, 800, &[&older])]), Verdict::Stale, "the control");
    assert_eq!(verdict(&now, &[look(17, -40 * 3_600, 800, &[&older])]), Verdict::Inactive, "too long a gap");
    let visited = slot(json!({"inactive_since": time(-2 * DAY)}));
    let came_by = vec![look(17, -3 * DAY, 700, &[&before]), look(17, -DAY, 800, &[&visited])];
    assert_ne!(verdict(&now, &came_by), Verdict::Stale, "somebody came in between");
    let in_use = slot(json!({"inactive_since": null, "active": true, "active_pid": 7}));
    let used = vec![look(17, -2 * DAY, 700, &[&before]), look(17, -DAY, 800, &[&in_use])];
    assert_ne!(verdict(&now, &used), Verdict::Stale, "somebody was there");
}

#[test]
fn whoever_is_away_between_polls_is_healthy() {
    let now_at = slot(json!({"confirmed_flush_lsn": lsn(5), "restart_lsn": lsn(5), "inactive_since": time(-300)}));
    let now = look(17, 0, 900, &[&now_at]);
    let earlier = [look(17, -3_600, 800, &[&slot(json!({"inactive_since": time(-3_700)}))])];
    let judgement = judged(&now, &earlier);
    assert_eq!(judgement.verdict, Verdict::Healthy);
    assert!(has(&judgement, "moved"));
    assert_eq!(verdict(&now, &[]), Verdict::Inactive, "one look cannot tell");
    let long_ago = [look(17, -3 * DAY, 800, &[&slot(json!({}))])];
    assert_eq!(verdict(&now, &long_ago), Verdict::Inactive, "it moved some time in three days");
}

#[test]
fn a_slot_made_anew_under_its_name_has_no_past() {
    let now = look(16, 0, 900, &[&slot(json!({}))]);
    let mut looks = every(6 * 3_600, -8 * DAY, 16, &slot(json!({})));
    let other = slot(json!({"plugin": "wal2json"}));
    looks[20].slots = crate::model::Fact::Known(vec![other]);
    assert_eq!(verdict(&now, &looks), Verdict::Inactive);
    looks[20].slots = crate::model::Fact::Known(vec![]);
    assert_eq!(verdict(&now, &looks), Verdict::Inactive);
}

#[test]
fn positions_that_moved_without_a_visit_are_not_believed() {
    let old = slot(json!({"inactive_since": time(-9 * DAY), "restart_lsn": lsn(7), "confirmed_flush_lsn": lsn(7)}));
    let moved = [look(17, -DAY, 800, &[&slot(json!({"inactive_since": time(-9 * DAY)}))])];
    let judgement = judged(&look(17, 0, 900, &[&old]), &moved);
    assert_ne!(judgement.verdict, Verdict::Stale);
    assert!(has(&judgement, "moved-unseen"));
}

#[test]
fn forgotten_is_proven_by_the_servers_own_record_on_17() {
    for (slot, expected) in [
        (slot(json!({"inactive_since": time(-7 * DAY)})), Verdict::Stale),
        (physical(json!({"inactive_since": time(-13 * DAY)})), Verdict::Inactive),
        (physical(json!({"inactive_since": time(-14 * DAY)})), Verdict::Stale),
    ] {
        assert_eq!(verdict(&look(17, 0, 1, &[&slot]), &[]), expected, "{slot:?}");
    }
}

#[test]
fn lost_empty_and_synced_are_what_they_are() {
    let lost = slot(json!({"wal_status": "lost", "restart_lsn": null, "active": true}));
    assert_eq!(verdict(&look(13, 0, 900, &[&lost]), &[]), Verdict::Lost);
    let timed_out = physical(json!({"wal_status": "lost", "invalidation_reason": "idle_timeout"}));
    let judgement = judged(&look(18, 0, 900, &[&timed_out]), &[]);
    assert_eq!(judgement.verdict, Verdict::Lost);
    assert!(judgement.reasons.contains(&Reason::Invalidated { cause: "idle_timeout".into() }));
    let standby = physical(json!({"wal_status": "lost", "restart_lsn": null}));
    assert!(has(&judged(&look(17, 0, 900, &[&standby]), &[]), "may-live-again"));
    assert!(!has(&judged(&look(18, 0, 900, &[&standby]), &[]), "may-live-again"));
    let empty = physical(json!({"wal_status": null, "restart_lsn": null, "inactive_since": time(-90 * DAY)}));
    assert_eq!(verdict(&look(17, 0, 900, &[&empty]), &[]), Verdict::Empty);

    let synced = slot(json!({"synced": true, "failover": true, "inactive_since": time(-90 * DAY)}));
    let mut standby = look(17, 0, 900, &[&synced]);
    standby.server.in_recovery = true;
    let judgement = judged(&standby, &[]);
    assert_eq!((judgement.verdict, judgement.protection), (Verdict::Inactive, Some(Protection::Synced)));
    // The flag stays after a promotion, and protects nothing then.
    let promoted = judged(&look(17, 0, 900, &[&synced]), &[]);
    assert_eq!((promoted.verdict, promoted.protection), (Verdict::Stale, Some(Protection::Failover)));
}

#[test]
fn who_is_in_use_is_healthy_until_it_falls_behind_or_stands_still() {
    let active = |fields: Value| {
        let mut all = json!({"active": true, "active_pid": 7});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        slot(all)
    };
    let now = look(17, 0, 900, &[&active(json!({}))]);
    assert_eq!(verdict(&now, &[]), Verdict::Healthy);
    for status in ["extended", "unreserved"] {
        assert_eq!(verdict(&look(17, 0, 900, &[&active(json!({"wal_status": status}))]), &[]), Verdict::Lagging);
    }
    let judgement = judged(&now, &[look(17, -3_600, 800, &[&active(json!({}))])]);
    assert!(judgement.verdict == Verdict::Lagging && has(&judgement, "frozen"), "{judgement:?}");
    assert_eq!(verdict(&now, &[look(17, -60, 800, &[&active(json!({}))])]), Verdict::Healthy, "a minute is nothing");
    assert_eq!(verdict(&now, &[look(17, -3_600, 900, &[&active(json!({}))])]), Verdict::Healthy, "nobody wrote");
    assert_eq!(now.slots.known().unwrap()[0].wal_status, Some(WalStatus::Reserved));
}

#[test]
fn what_holds_a_slot_in_use_back_is_named() {
    let lagging = slot(json!({"active": true, "active_pid": 7, "confirmed_flush_lsn": lsn(800),
                              "catalog_xmin_age": 5_000, "wal_status": "extended", "failover": true}));
    let mut now = look(17, 0, 900, &[&lagging]);
    let transaction = |age: u64| {
        json!({"known": {"sees_all": true, "transactions": [{"pid": 9, "database": "shop", "role": "app",
               "application_name": "psql", "state": "active", "xact_start": time(-7_200), "xid_age": age,
               "query": "update orders set note ="}]}})
    };
    now.transactions = serde_json::from_value(transaction(100)).unwrap();
    assert!(!has(&judged(&now, &[]), "pinned-by-transaction"), "it began long after what the slot waits for");
    now.transactions = serde_json::from_value(transaction(4_990)).unwrap();
    let judgement = judged(&now, &[]);
    assert!(has(&judgement, "pinned-by-transaction"), "{:?}", judgement.reasons);
    now.prepared_transactions = serde_json::from_value(json!({"known": [{"gid": "two", "database": "shop",
        "owner": "app", "prepared": time(-DAY), "xid_age": 5_000}]}))
    .unwrap();
    assert!(has(&judged(&now, &[]), "pinned-by-prepared"));
    now.transactions = serde_json::from_value(json!({"known": {"sees_all": false, "transactions": []}})).unwrap();
    assert!(has(&judged(&now, &[]), "transactions-hidden"));

    now.settings = serde_json::from_value(json!({"known": [{"name": "synchronized_standby_slots",
        "setting": "s1, \"s2\"", "unit": null, "source": "file", "pending_restart": false}]}))
    .unwrap();
    let waits = judged(&now, &[]).reasons;
    for name in ["s1", "s2"] {
        let gate = Reason::WaitsForStandby { standby_slot: name.into(), gate: Gate::Missing };
        assert!(waits.contains(&gate), "{waits:?}");
    }
}

#[test]
fn an_idle_database_among_busy_ones_needs_a_heartbeat() {
    let active = slot(json!({"active": true, "active_pid": 7}));
    let writes = |rows: u64| serde_json::from_value(json!({"known": [{"database": "shop", "rows_written": rows}]}));
    let (mut then, mut now) = (look(17, -3_600, 800, &[&active]), look(17, 0, 900, &[&active]));
    then.database_writes = writes(5).unwrap();
    now.database_writes = writes(6).unwrap();
    assert!(!has(&judged(&now, std::slice::from_ref(&then)), "idle-database"));
    now.database_writes = writes(5).unwrap();
    assert!(has(&judged(&now, &[then]), "idle-database"));
}

#[test]
fn owners_are_told_by_all_conditions_together() {
    let owner = |slot: &Slot| judged(&look(17, 0, 900, &[slot]), &[]).owner;
    assert_eq!(owner(&slot(json!({"slot_name": "mine"}))), None);
    assert_eq!(owner(&slot(json!({"slot_name": "debezium", "plugin": "test_decoding"}))), None);
    assert_eq!(owner(&slot(json!({"slot_name": "repmgr_slot_2"}))), None, "repmgr's are physical");
    for (slot, name, protection) in [
        (slot(json!({"slot_name": "debezium_orders_retired"})), "Debezium", None),
        (slot(json!({"slot_name": "fivetran_pgoutput_slot"})), "Fivetran", None),
        (physical(json!({"slot_name": "repmgr_slot_2"})), "repmgr", Some(Protection::Managed)),
        (physical(json!({"slot_name": "_cnpg_db_2"})), "CloudNativePG", Some(Protection::Managed)),
        (
            slot(json!({"slot_name": "supabase_realtime_replication_slot_v2"})),
            "Supabase Realtime",
            Some(Protection::Managed),
        ),
    ] {
        let judgement = judged(&look(17, 0, 900, &[&slot]), &[]);
        assert_eq!(judgement.owner.map(|owner| owner.name), Some(name.to_owned()));
        assert_eq!(judgement.protection, protection, "{name}");
    }
}

#[test]
fn signs_of_a_manager_protect_every_physical_slot() {
    let (standby, pipeline) = (physical(json!({"slot_name": "node_b"})), slot(json!({"slot_name": "mine"})));
    let protections = |snapshot: &Snapshot| {
        let evidence = Evidence { snapshot, memory: &Memory::default(), limits: &Limits::default() };
        let all = snapshot.slots.known().unwrap();
        all.iter().map(|slot| evidence.judge(slot).protection).collect::<Vec<_>>()
    };
    let mut now = look(17, 0, 900, &[&standby, &pipeline]);
    assert_eq!(protections(&now), [None, None]);
    now.managers =
        serde_json::from_value(json!({"known": {"application_names": ["Patroni heartbeat"], "roles": []}})).unwrap();
    assert_eq!(protections(&now), [Some(Protection::Managed), None]);
    let member = physical(json!({"slot_name": "_cnpg_db_2"}));
    assert_eq!(protections(&look(17, 0, 900, &[&standby, &member]))[0], Some(Protection::Managed));
    let mut gated = look(17, 0, 900, &[&standby, &pipeline]);
    gated.settings = serde_json::from_value(json!({"known": [{"name": "synchronized_standby_slots",
        "setting": "node_b", "unit": null, "source": "file", "pending_restart": false}]}))
    .unwrap();
    assert_eq!(protections(&gated), [Some(Protection::Managed), None]);
}

#[test]
fn what_an_unused_slot_keeps_from_vacuum_is_told() {
    let dead = physical(json!({"inactive_since": time(-3_600), "xmin_age": 70}));
    let judgement = judged(&look(17, 0, 900, &[&dead]), &[]);
    assert!(judgement.reasons.contains(&Reason::KeepsRows { rows: KeptRows::All, xmin_age: 70, freeze_max_age: None }));
    let at_work = slot(json!({"active": true, "active_pid": 7}));
    assert!(!has(&judged(&look(17, 0, 900, &[&at_work]), &[]), "keeps-rows"));
    assert_eq!(at_work.slot_type, SlotType::Logical);
}

#[test]
fn a_table_is_copied_by_a_slot_that_nobody_holds() {
    let sync = slot(json!({"slot_name": "pg_16394_sync_16385_7710542127114456140", "inactive_since": time(-30 * DAY)}));
    let mut now = look(17, 0, 900, &[&sync]);
    assert_eq!(judged(&now, &[]).verdict, Verdict::Inactive, "who is connected is not known");
    let connected = |names: &[Option<&str>]| {
        let all: Vec<Value> = names
            .iter()
            .map(|name| {
                json!({"pid": 7, "application_name": name, "role": null, "client_addr": null, "backend_start": null,
                    "state": "startup", "sent_lsn": null, "flush_lsn": null, "replay_lsn": null})
            })
            .collect();
        serde_json::from_value(json!({"known": all})).unwrap()
    };
    now.walsenders = connected(&[None]);
    assert!(has(&judged(&now, &[]), "copy-may-run"), "the names are hidden");
    now.walsenders = connected(&[Some("pg_16394_sync_16385_7710542127114456140")]);
    assert_eq!(judged(&now, &[]).verdict, Verdict::Healthy);
    now.walsenders = connected(&[Some("another")]);
    assert_eq!(judged(&now, &[]).verdict, Verdict::Stale, "a left-over");
}
