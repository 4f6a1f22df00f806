//! Verdicts on slots: first without a proof, then with one.

use super::*;
use crate::facts::{SlotType, WalStatus};
use crate::units::Lsn;
use jiff::Timestamp;
use serde_json::{Value, json};

const DAY: i64 = 86_400;
const SEGMENT: u64 = 16 << 20;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn lsn(segments: u64) -> Lsn {
    Lsn::new((1_000 + segments) * SEGMENT)
}

/// An inactive slot at segment 0.
fn slot_with(fields: Value) -> Slot {
    let mut slot = json!({
        "slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop", "temporary": false,
        "active": false, "active_pid": null, "restart_lsn": lsn(0), "confirmed_flush_lsn": lsn(0),
        "wal_status": "reserved", "safe_wal_size": null, "xmin_age": null, "catalog_xmin_age": 50,
    });
    slot.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(slot).unwrap()
}

fn physical_slot(fields: Value) -> Slot {
    let kind = json!({"slot_type": "physical", "plugin": null, "database": null, "confirmed_flush_lsn": null,
                      "catalog_xmin_age": null});
    let mut fields_with_kind = kind.as_object().unwrap().clone();
    fields_with_kind.extend(fields.as_object().unwrap().clone());
    slot_with(Value::Object(fields_with_kind))
}

/// A snapshot at `at` seconds with WAL at `segments`.
fn snapshot_at(major: u32, seconds: i64, segments: u64, slots: &[&Slot]) -> Snapshot {
    serde_json::from_value(json!({
        "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": time(seconds),
        "server": {"version_num": major * 10_000 + 4, "version": "", "database": "shop", "role": "app",
                   "role_is_superuser": false, "role_may_replicate": false, "role_is_monitor": true,
                   "in_recovery": false, "started_at": time(-400 * DAY), "requested_at": time(seconds),
                   "block_size_bytes": 8192, "wal_segment_bytes": SEGMENT},
        "settings": {"known": []},
        "slots": {"known": slots},
        "wal_position": {"known": {"current_lsn": lsn(segments), "replay_lsn": null, "requested_at": time(seconds)}},
    }))
    .unwrap()
}

fn assess(now: &Snapshot, earlier: &[Snapshot]) -> SlotAssessment {
    let slot = &now.slots.known().unwrap()[0];
    let mut history = HistoryView::default();
    history.add_snapshots(earlier);
    SlotEvidence { snapshot: now, history: &history, limits: &Limits::default() }.assess(slot)
}

fn assess_verdict(now: &Snapshot, earlier: &[Snapshot]) -> SlotVerdict {
    assess(now, earlier).verdict
}

/// Looks every `step` seconds from `from` to now, WAL a segment further each time.
fn snapshots_every(step: i64, from: i64, major: u32, slot: &Slot) -> Vec<Snapshot> {
    let count = -from / step;
    (0..count).map(|n| snapshot_at(major, from + n * step, n as u64, &[slot])).collect()
}

fn has_reason(assessment: &SlotAssessment, id: &str) -> bool {
    assessment.reasons.iter().any(|reason| serde_json::to_value(reason).unwrap()["id"] == id)
}

#[test]
fn slot_idle_below_limit_is_not_stale() {
    for (idle, missed_a_day) in [(0, false), (DAY - 1, false), (DAY, true), (7 * DAY - 1, true)] {
        let slot = slot_with(json!({"inactive_since": time(-idle)}));
        let assessment = assess(&snapshot_at(17, 0, 900, &[&slot]), &[]);
        assert_eq!(assessment.verdict, SlotVerdict::Inactive, "{idle}");
        assert_eq!(has_reason(&assessment, "missed-a-day"), missed_a_day, "{idle}");
        let proven = Reason::ProvenFrom { at: time(7 * DAY - idle) };
        assert!(assessment.reasons.contains(&proven), "{idle}: {:?}", assessment.reasons);
    }
    let standby = physical_slot(json!({"inactive_since": time(-14 * DAY + 1)}));
    assert_eq!(assess_verdict(&snapshot_at(17, 0, 900, &[&standby]), &[]), SlotVerdict::Inactive);
}

#[test]
fn slot_single_sample_before_17_is_inactive() {
    for major in 13..17 {
        let assessment = assess(&snapshot_at(major, 0, 1_000_000, &[&slot_with(json!({}))]), &[]);
        assert_eq!(assessment.verdict, SlotVerdict::Inactive);
        assert!(has_reason(&assessment, "needs-samples"), "{:?}", assessment.reasons);
    }
}

#[test]
fn slot_idle_without_wal_is_not_stale() {
    let slot = slot_with(json!({"inactive_since": time(-90 * DAY)}));
    let assessment = assess(&snapshot_at(17, 0, 0, &[&slot]), &[]);
    assert_eq!(assessment.verdict, SlotVerdict::Inactive);
    assert!(has_reason(&assessment, "nothing-to-read"));
    let mut without_position = snapshot_at(17, 0, 900, &[&slot]);
    without_position.wal_position = crate::facts::Fact::not_requested("wal position");
    assert_eq!(assess_verdict(&without_position, &[]), SlotVerdict::Inactive, "without the position nothing is proven");
}

#[test]
fn slot_stale_before_17_needs_dense_samples() {
    let slot = slot_with(json!({}));
    let now = snapshot_at(16, 0, 900, &[&slot]);
    let six_hourly = snapshots_every(6 * 3_600, -8 * DAY, 16, &slot);
    assert_eq!(assess_verdict(&now, &six_hourly), SlotVerdict::Stale, "the control");
    assert_eq!(assess_verdict(&now, &six_hourly[10..]), SlotVerdict::Inactive, "less than seven days");
    assert_eq!(assess_verdict(&now, &snapshots_every(DAY, -8 * DAY, 16, &slot)), SlotVerdict::Inactive, "nine samples");
    let gap: Vec<Snapshot> = six_hourly
        .iter()
        .filter(|snapshot| !(-3 * DAY..-DAY).contains(&(snapshot.collected_at.as_second() - 1_800_000_000)))
        .chain(&snapshots_every(3_600, -DAY, 16, &slot))
        .cloned()
        .collect();
    assert!(gap.len() > 30);
    assert_eq!(assess_verdict(&now, &gap), SlotVerdict::Inactive, "two days without a sample");
}

#[test]
fn slot_connected_without_progress_is_lagging() {
    let idle = slot_with(json!({}));
    let now = snapshot_at(16, 0, 900, &[&idle]);
    let mut samples = snapshots_every(6 * 3_600, -8 * DAY, 16, &idle);
    let connected = slot_with(json!({"active": true, "active_pid": 7}));
    let position = samples.len() - 2;
    samples[position].slots = crate::facts::Fact::Known(vec![connected]);
    let assessment = assess(&now, &samples);
    assert_eq!(assessment.verdict, SlotVerdict::Lagging);
    assert!(has_reason(&assessment, "connected-without-progress"));

    // 17 and newer record a connection between two samples.
    let before = slot_with(json!({"inactive_since": time(-9 * DAY)}));
    let after = slot_with(json!({"inactive_since": time(-60)}));
    let assessment = assess(&snapshot_at(17, 0, 900, &[&after]), &[snapshot_at(17, -3_600, 800, &[&before])]);
    assert_eq!(assessment.verdict, SlotVerdict::Lagging);
    assert!(
        assessment.reasons.contains(&Reason::ConnectedWithoutProgress { at: time(-60) }),
        "{:?}",
        assessment.reasons
    );
}

#[test]
fn slot_server_start_is_not_a_connection() {
    let before = slot_with(json!({"inactive_since": time(-6 * DAY)}));
    let after = slot_with(json!({"inactive_since": time(-3_600)}));
    let mut now = snapshot_at(17, 0, 900, &[&after]);
    now.server.started_at = time(-3_602);
    let assessment = assess(&now, &[snapshot_at(17, -2 * DAY, 800, &[&before])]);
    assert_eq!(assessment.verdict, SlotVerdict::Inactive);
    assert!(!has_reason(&assessment, "connected-without-progress"));
    // Samples before and after the start prove inactivity in spite of it.
    let mut samples = snapshots_every(6 * 3_600, -8 * DAY, 17, &before);
    samples.iter_mut().for_each(|snapshot| snapshot.server.started_at = time(-300 * DAY));
    assert_eq!(assess_verdict(&now, &samples), SlotVerdict::Stale);
}

#[test]
fn slot_inactivity_counts_across_restart() {
    let started = |mut snapshot: Snapshot, started_at: i64| {
        snapshot.server.started_at = time(started_at);
        snapshot
    };
    let before = slot_with(json!({"inactive_since": time(-8 * DAY)}));
    let after = slot_with(json!({"inactive_since": time(-3_599)}));
    let now = started(snapshot_at(17, 0, 900, &[&after]), -3_600);
    let seen = |second: i64| vec![snapshot_at(17, second, 800, &[&before])];
    assert_eq!(assess_verdict(&now, &[]), SlotVerdict::Inactive, "the control");
    assert_eq!(assess_verdict(&now, &seen(-DAY)), SlotVerdict::Stale, "recorded for seven days and an hour");
    assert!(has_reason(&assess(&now, &seen(-DAY)), "recorded-before"));
    assert_eq!(assess_verdict(&now, &seen(-DAY - 3_600)), SlotVerdict::Inactive, "unrecorded time does not count");
    let older = slot_with(json!({"inactive_since": time(-20 * DAY)}));
    assert_eq!(
        assess_verdict(&now, &[snapshot_at(17, -30 * 3_600, 800, &[&older])]),
        SlotVerdict::Stale,
        "the control"
    );
    assert_eq!(
        assess_verdict(&now, &[snapshot_at(17, -40 * 3_600, 800, &[&older])]),
        SlotVerdict::Inactive,
        "too long a gap"
    );
    let connected = slot_with(json!({"inactive_since": time(-2 * DAY)}));
    let with_connection = vec![snapshot_at(17, -3 * DAY, 700, &[&before]), snapshot_at(17, -DAY, 800, &[&connected])];
    assert_ne!(assess_verdict(&now, &with_connection), SlotVerdict::Stale, "a consumer connected in between");
    let in_use = slot_with(json!({"inactive_since": null, "active": true, "active_pid": 7}));
    let used = vec![snapshot_at(17, -2 * DAY, 700, &[&before]), snapshot_at(17, -DAY, 800, &[&in_use])];
    assert_ne!(assess_verdict(&now, &used), SlotVerdict::Stale, "a consumer was connected");
}

#[test]
fn slot_between_polls_is_healthy() {
    let now_at = slot_with(json!({"confirmed_flush_lsn": lsn(5), "restart_lsn": lsn(5), "inactive_since": time(-300)}));
    let now = snapshot_at(17, 0, 900, &[&now_at]);
    let earlier = [snapshot_at(17, -3_600, 800, &[&slot_with(json!({"inactive_since": time(-3_700)}))])];
    let assessment = assess(&now, &earlier);
    assert_eq!(assessment.verdict, SlotVerdict::Healthy);
    assert!(has_reason(&assessment, "moved"));
    assert_eq!(assess_verdict(&now, &[]), SlotVerdict::Inactive, "one sample is not sufficient");
    let long_ago = [snapshot_at(17, -3 * DAY, 800, &[&slot_with(json!({}))])];
    assert_eq!(assess_verdict(&now, &long_ago), SlotVerdict::Inactive, "it moved some time in three days");
}

#[test]
fn slot_recreated_has_no_history() {
    let now = snapshot_at(16, 0, 900, &[&slot_with(json!({}))]);
    let mut samples = snapshots_every(6 * 3_600, -8 * DAY, 16, &slot_with(json!({})));
    let other = slot_with(json!({"plugin": "wal2json"}));
    samples[20].slots = crate::facts::Fact::Known(vec![other]);
    assert_eq!(assess_verdict(&now, &samples), SlotVerdict::Inactive);
    samples[20].slots = crate::facts::Fact::Known(vec![]);
    assert_eq!(assess_verdict(&now, &samples), SlotVerdict::Inactive);
}

#[test]
fn slot_moved_while_unused_is_not_stale() {
    let old =
        slot_with(json!({"inactive_since": time(-9 * DAY), "restart_lsn": lsn(7), "confirmed_flush_lsn": lsn(7)}));
    let moved = [snapshot_at(17, -DAY, 800, &[&slot_with(json!({"inactive_since": time(-9 * DAY)}))])];
    let assessment = assess(&snapshot_at(17, 0, 900, &[&old]), &moved);
    assert_ne!(assessment.verdict, SlotVerdict::Stale);
    assert!(has_reason(&assessment, "moved-unseen"));
}

#[test]
fn slot_stale_needs_inactive_since_on_17() {
    for (slot, expected) in [
        (slot_with(json!({"inactive_since": time(-7 * DAY)})), SlotVerdict::Stale),
        (physical_slot(json!({"inactive_since": time(-13 * DAY)})), SlotVerdict::Inactive),
        (physical_slot(json!({"inactive_since": time(-14 * DAY)})), SlotVerdict::Stale),
    ] {
        assert_eq!(assess_verdict(&snapshot_at(17, 0, 1, &[&slot]), &[]), expected, "{slot:?}");
    }
}

#[test]
fn slot_lost_empty_and_synced_verdicts() {
    let lost = slot_with(json!({"wal_status": "lost", "restart_lsn": null, "active": true}));
    assert_eq!(assess_verdict(&snapshot_at(13, 0, 900, &[&lost]), &[]), SlotVerdict::Lost);
    let timed_out = physical_slot(json!({"wal_status": "lost", "invalidation_reason": "idle_timeout"}));
    let assessment = assess(&snapshot_at(18, 0, 900, &[&timed_out]), &[]);
    assert_eq!(assessment.verdict, SlotVerdict::Lost);
    assert!(
        assessment
            .reasons
            .contains(&Reason::Invalidated { cause: "idle_timeout".into(), last_slot_may_be_lost: false })
    );
    let standby = physical_slot(json!({"wal_status": "lost", "restart_lsn": null}));
    assert!(has_reason(&assess(&snapshot_at(17, 0, 900, &[&standby]), &[]), "may-live-again"));
    assert!(!has_reason(&assess(&snapshot_at(18, 0, 900, &[&standby]), &[]), "may-live-again"));
    let empty = physical_slot(json!({"wal_status": null, "restart_lsn": null, "inactive_since": time(-90 * DAY)}));
    assert_eq!(assess_verdict(&snapshot_at(17, 0, 900, &[&empty]), &[]), SlotVerdict::Empty);

    let synced = slot_with(json!({"synced": true, "failover": true, "inactive_since": time(-90 * DAY)}));
    let mut standby = snapshot_at(17, 0, 900, &[&synced]);
    standby.server.in_recovery = true;
    let assessment = assess(&standby, &[]);
    assert_eq!((assessment.verdict, assessment.protection), (SlotVerdict::Inactive, Some(Protection::Synced)));
    // The flag stays after a promotion, and protects nothing then.
    let promoted = assess(&snapshot_at(17, 0, 900, &[&synced]), &[]);
    assert_eq!((promoted.verdict, promoted.protection), (SlotVerdict::Stale, Some(Protection::Failover)));
}

#[test]
fn slot_in_use_lags_when_behind_or_frozen() {
    let active = |fields: Value| {
        let mut fields_in_use = json!({"active": true, "active_pid": 7});
        fields_in_use.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        slot_with(fields_in_use)
    };
    let now = snapshot_at(17, 0, 900, &[&active(json!({}))]);
    assert_eq!(assess_verdict(&now, &[]), SlotVerdict::Healthy);
    for status in ["extended", "unreserved"] {
        assert_eq!(
            assess_verdict(&snapshot_at(17, 0, 900, &[&active(json!({"wal_status": status}))]), &[]),
            SlotVerdict::Lagging
        );
    }
    let assessment = assess(&now, &[snapshot_at(17, -3_600, 800, &[&active(json!({}))])]);
    assert!(assessment.verdict == SlotVerdict::Lagging && has_reason(&assessment, "frozen"), "{assessment:?}");
    assert_eq!(
        assess_verdict(&now, &[snapshot_at(17, -60, 800, &[&active(json!({}))])]),
        SlotVerdict::Healthy,
        "a minute is nothing"
    );
    assert_eq!(
        assess_verdict(&now, &[snapshot_at(17, -3_600, 900, &[&active(json!({}))])]),
        SlotVerdict::Healthy,
        "no rows were written"
    );
    assert_eq!(now.slots.known().unwrap()[0].wal_status, Some(WalStatus::Reserved));
}

#[test]
fn slot_in_use_reports_stall_causes() {
    let lagging = slot_with(json!({"active": true, "active_pid": 7, "confirmed_flush_lsn": lsn(800),
                              "catalog_xmin_age": 5_000, "wal_status": "extended", "failover": true}));
    let mut now = snapshot_at(17, 0, 900, &[&lagging]);
    let transaction = |age: u64| {
        json!({"known": {"sees_all": true, "transactions": [{"pid": 9, "database": "shop", "role": "app",
               "application_name": "psql", "state": "active", "xact_start": time(-7_200), "xid_age": age,
               "query": "update orders set note ="}]}})
    };
    now.transactions = serde_json::from_value(transaction(100)).unwrap();
    assert!(!has_reason(&assess(&now, &[]), "pinned-by-transaction"), "it began long after what the slot waits for");
    now.transactions = serde_json::from_value(transaction(4_990)).unwrap();
    let assessment = assess(&now, &[]);
    assert!(has_reason(&assessment, "pinned-by-transaction"), "{:?}", assessment.reasons);
    now.prepared_transactions = serde_json::from_value(json!({"known": [{"gid": "two", "database": "shop",
        "owner": "app", "prepared": time(-DAY), "xid_age": 5_000}]}))
    .unwrap();
    assert!(has_reason(&assess(&now, &[]), "pinned-by-prepared"));
    now.transactions = serde_json::from_value(json!({"known": {"sees_all": false, "transactions": []}})).unwrap();
    assert!(has_reason(&assess(&now, &[]), "transactions-hidden"));

    now.settings = serde_json::from_value(json!({"known": [{"name": "synchronized_standby_slots",
        "setting": "s1, \"s2\"", "unit": null, "source": "file", "pending_restart": false}]}))
    .unwrap();
    let waits = assess(&now, &[]).reasons;
    for name in ["s1", "s2"] {
        let gate = Reason::WaitsForStandby { standby_slot: name.into(), gate: Gate::Missing };
        assert!(waits.contains(&gate), "{waits:?}");
    }
}

#[test]
fn slot_idle_database_is_reported() {
    let active = slot_with(json!({"active": true, "active_pid": 7}));
    let writes = |rows: u64| serde_json::from_value(json!({"known": [{"database": "shop", "rows_written": rows}]}));
    let (mut then, mut now) = (snapshot_at(17, -3_600, 800, &[&active]), snapshot_at(17, 0, 900, &[&active]));
    then.database_writes = writes(5).unwrap();
    now.database_writes = writes(6).unwrap();
    assert!(!has_reason(&assess(&now, std::slice::from_ref(&then)), "idle-database"));
    now.database_writes = writes(5).unwrap();
    assert!(has_reason(&assess(&now, &[then]), "idle-database"));
}

#[test]
fn slot_owner_needs_all_conditions() {
    let owner = |slot: &Slot| assess(&snapshot_at(17, 0, 900, &[slot]), &[]).owner;
    assert_eq!(owner(&slot_with(json!({"slot_name": "mine"}))), None);
    assert_eq!(owner(&slot_with(json!({"slot_name": "debezium", "plugin": "test_decoding"}))), None);
    assert_eq!(owner(&slot_with(json!({"slot_name": "repmgr_slot_2"}))), None, "repmgr's are physical");
    for (slot, name, protection) in [
        (slot_with(json!({"slot_name": "debezium_orders_retired"})), "Debezium", None),
        (slot_with(json!({"slot_name": "fivetran_pgoutput_slot"})), "Fivetran", None),
        (physical_slot(json!({"slot_name": "repmgr_slot_2"})), "repmgr", Some(Protection::Managed)),
        (physical_slot(json!({"slot_name": "_cnpg_db_2"})), "CloudNativePG", Some(Protection::Managed)),
        (
            slot_with(json!({"slot_name": "supabase_realtime_replication_slot_v2"})),
            "Supabase Realtime",
            Some(Protection::Managed),
        ),
    ] {
        let assessment = assess(&snapshot_at(17, 0, 900, &[&slot]), &[]);
        assert_eq!(assessment.owner.map(|owner| owner.name), Some(name.to_owned()));
        assert_eq!(assessment.protection, protection, "{name}");
    }
}

#[test]
fn slot_manager_protects_physical_slots() {
    let (standby, pipeline) = (physical_slot(json!({"slot_name": "node_b"})), slot_with(json!({"slot_name": "mine"})));
    let protections = |snapshot: &Snapshot| {
        let evidence = SlotEvidence { snapshot, history: &HistoryView::default(), limits: &Limits::default() };
        let slots = snapshot.slots.known().unwrap();
        slots.iter().map(|slot| evidence.assess(slot).protection).collect::<Vec<_>>()
    };
    let mut now = snapshot_at(17, 0, 900, &[&standby, &pipeline]);
    assert_eq!(protections(&now), [None, None]);
    now.managers =
        serde_json::from_value(json!({"known": {"application_names": ["Patroni heartbeat"], "roles": []}})).unwrap();
    assert_eq!(protections(&now), [Some(Protection::Managed), None]);
    let member = physical_slot(json!({"slot_name": "_cnpg_db_2"}));
    assert_eq!(protections(&snapshot_at(17, 0, 900, &[&standby, &member]))[0], Some(Protection::Managed));
    let mut gated = snapshot_at(17, 0, 900, &[&standby, &pipeline]);
    gated.settings = serde_json::from_value(json!({"known": [{"name": "synchronized_standby_slots",
        "setting": "node_b", "unit": null, "source": "file", "pending_restart": false}]}))
    .unwrap();
    assert_eq!(protections(&gated), [Some(Protection::Managed), None]);
}

#[test]
fn slot_unused_reports_retained_rows() {
    let dead = physical_slot(json!({"inactive_since": time(-3_600), "xmin_age": 70}));
    let assessment = assess(&snapshot_at(17, 0, 900, &[&dead]), &[]);
    assert!(assessment.reasons.contains(&Reason::KeepsRows {
        rows: KeptRows::All,
        xmin_age: 70,
        freeze_max_age: None
    }));
    let at_work = slot_with(json!({"active": true, "active_pid": 7}));
    assert!(!has_reason(&assess(&snapshot_at(17, 0, 900, &[&at_work]), &[]), "keeps-rows"));
    assert_eq!(at_work.slot_type, SlotType::Logical);
}

#[test]
fn slot_table_sync_is_not_stale() {
    let sync =
        slot_with(json!({"slot_name": "pg_16394_sync_16385_7710542127114456140", "inactive_since": time(-30 * DAY)}));
    let mut now = snapshot_at(17, 0, 900, &[&sync]);
    assert_eq!(assess(&now, &[]).verdict, SlotVerdict::Inactive, "who is connected is not known");
    let connected = |names: &[Option<&str>]| {
        let sync_slots: Vec<Value> = names
            .iter()
            .map(|name| {
                json!({"pid": 7, "application_name": name, "role": null, "client_addr": null, "backend_start": null,
                    "state": "startup", "sent_lsn": null, "flush_lsn": null, "replay_lsn": null})
            })
            .collect();
        serde_json::from_value(json!({"known": sync_slots})).unwrap()
    };
    now.walsenders = connected(&[None]);
    assert!(has_reason(&assess(&now, &[]), "copy-may-run"), "the names are hidden");
    now.walsenders = connected(&[Some("pg_16394_sync_16385_7710542127114456140")]);
    assert_eq!(assess(&now, &[]).verdict, SlotVerdict::Healthy);
    now.walsenders = connected(&[Some("another")]);
    assert_eq!(assess(&now, &[]).verdict, SlotVerdict::Stale, "a leftover");
}
