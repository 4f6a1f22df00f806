//! Reports must not show unknown values as none, or a part as the whole.

use super::*;
use crate::analysis::index::{IndexAssessment, IndexLimits, assess_indexes};
use crate::checks::runner::Checks;
use crate::checks::summary::SummaryOptions;
use crate::checks::{Check, Evidence, ReportName, assess};
use crate::facts::history::{HistoryView, Intent, JournalEntry, WalInterval};
use crate::facts::{Fact, Level, Slot, Snapshot};
use crate::render::{Style, render_terminal};
use jiff::Timestamp;
use serde_json::json;

/// The recorded disaster, with one thing changed.
fn disaster_snapshot(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/disaster.json");
    let mut snapshot = Snapshot::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
    change(&mut snapshot);
    snapshot
}

fn render_text<R: Report>(snapshot: &Snapshot, report: R, gaps: Gaps) -> String {
    let document = Envelope::new(snapshot, report, gaps).document();
    render_terminal(&document, Style { color: false, width: None })
}

fn render_overview(snapshot: &Snapshot) -> String {
    let evidence = Evidence::new(snapshot, HistoryView::default());
    let is_selected = |check: &Check| check.concerns(ReportName::Overview);
    let assessment = assess(&Checks::default(), &evidence, is_selected, &SummaryOptions::default());
    let mut gaps = Gaps::default();
    let report = OverviewReport::new(&evidence, &assessment, &mut gaps);
    render_text(snapshot, report, gaps)
}

fn render_slots(snapshot: &Snapshot, view: &View, sort: SlotSort) -> String {
    let mut gaps = Gaps::default();
    let report = SlotsReport::new(&Evidence::new(snapshot, HistoryView::default()), view, sort, &mut gaps);
    render_text(snapshot, report, gaps)
}

fn set_setting(snapshot: &mut Snapshot, name: &str, value: &str) {
    let Fact::Known(settings) = &mut snapshot.settings else { panic!("the settings are recorded") };
    let setting = settings.0.iter_mut().find(|setting| setting.name == name).unwrap();
    setting.setting = value.to_owned();
}

#[test]
fn report_unread_slots_are_not_none() {
    assert!(
        render_overview(&disaster_snapshot(|snapshot| snapshot.slots = Fact::Known(Vec::new())))
            .contains("No replication slots.")
    );
    let text =
        render_overview(&disaster_snapshot(|snapshot| snapshot.slots = Fact::not_requested("replication slots")));
    assert!(!text.contains("No replication slot") && text.contains("Replication slots: unknown."), "{text}");
}

#[test]
fn report_names_pre_releases_and_newer_majors() {
    let text = |version_num: u32, version: &str| {
        let snapshot = disaster_snapshot(|snapshot| {
            snapshot.server.version_num = version_num;
            snapshot.server.version = version.to_owned();
        });
        [render_overview(&snapshot), render_slots(&snapshot, &View::default(), SlotSort::default())]
    };
    for report in text(200_001, "PostgreSQL 20.1 on x86_64-pc-linux-gnu") {
        assert!(report.contains("PostgreSQL 20 is newer than this pgtend knows"), "{report}");
    }
    for report in text(190_000, "PostgreSQL 19rc1 (Debian 19~rc1-1) on x86_64-pc-linux-gnu") {
        assert!(report.contains("PostgreSQL 19rc1 ") && !report.contains("newer than"), "{report}");
    }
}

#[test]
fn report_unread_indexes_are_not_none() {
    let text = |snapshot: &Snapshot| {
        let limits = IndexLimits::default();
        let assessments: Vec<IndexAssessment> = snapshot
            .database_snapshots
            .iter()
            .map(|contents| assess_indexes(snapshot, contents, None, &limits))
            .collect();
        let (history, view, mut gaps) = (HistoryView::default(), View::default(), Gaps::default());
        let report = IndexesReport::new(snapshot, &assessments, &history, false, &view, IndexSort::Gain, &mut gaps);
        render_text(snapshot, report, gaps)
    };
    assert!(text(&disaster_snapshot(|_| {})).contains("can be dropped"));
    let text = text(&disaster_snapshot(|snapshot| {
        snapshot.database_snapshots.iter_mut().for_each(|db| db.indexes = Fact::not_requested("indexes"))
    }));
    assert!(!text.contains("can be dropped") && text.contains("Indexes: unknown."), "{text}");
}

#[test]
fn report_slot_totals_ignore_limit() {
    let named = |slot: &Slot, number: usize| Slot { slot_name: format!("s{number:02}"), ..slot.clone() };
    let many = disaster_snapshot(|snapshot| {
        let Fact::Known(slots) = &mut snapshot.slots else { panic!("the slots are recorded") };
        let first = slots.iter().min_by_key(|slot| slot.restart_lsn).unwrap().clone();
        *slots = (0..12).map(|number| named(&first, number)).collect();
        // The last slot by name retains the most WAL.
        let newest = snapshot.wal_position.known().unwrap().current_lsn.unwrap();
        slots[..11].iter_mut().for_each(|slot| slot.restart_lsn = Some(newest.saturating_sub(1 << 20)));
    });
    let unlimited = render_slots(&many, &View::default(), SlotSort::Name);
    let total = |text: &str| {
        let line = text.lines().find(|line| line.contains("all slots together")).unwrap();
        line.split(". ").next().unwrap().to_owned()
    };
    assert!(unlimited.contains("… and 2 more: see `pgtend slots why NAME`"), "{unlimited}");
    let limited = render_slots(&many, &View { limit: Some(1), ..View::default() }, SlotSort::Name);
    assert_eq!(total(&limited), total(&unlimited));
}

#[test]
fn report_partial_database_sum_is_marked() {
    let text = |min_size| {
        let (snapshot, mut gaps) = (disaster_snapshot(|_| {}), Gaps::default());
        let view = View { min_size, ..View::default() };
        let report = DatabasesReport::new(&snapshot, &view, DatabaseSort::Size, &mut gaps);
        render_text(&snapshot, report, gaps)
    };
    assert!(text(0).contains("Total: "));
    assert!(!text(10 << 20).contains("Total: "));
}

#[test]
fn report_open_journal_entry_beyond_limit() {
    let entry = |journal_id, second| JournalEntry {
        journal_id,
        intent: Intent {
            system_identifier: None,
            server: "db1".into(),
            database: "shop".into(),
            role: "dba".into(),
            kind: "drop-slot".into(),
            subject: "s".into(),
            statement: String::new(),
            seen: serde_json::Value::Null,
            promised_bytes: None,
            quantity: None,
            before_bytes: None,
            begun_at: Timestamp::from_second(second).unwrap(),
        },
        outcome: None,
        measured_bytes: None,
        measured_at: None,
    };
    let view = View { limit: Some(1), ..View::default() };
    let report = JournalReport::new(vec![entry(1, 10), entry(2, 20)], Vec::new(), &view);
    let text = render_terminal(&report.document(), Style { color: false, width: None });
    assert!(text.contains("2 actions without an outcome"), "{text}");
}

#[test]
fn report_wal_rate_needs_two_distant_samples() {
    let report_after = |minutes: i64| {
        let minute_at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let written = WalInterval { from: minute_at(0), to: minute_at(minutes), bytes: 600 };
        let (wal, mut gaps) = (if minutes > 0 { vec![written] } else { Vec::new() }, Gaps::default());
        let report = GrowthReport::new(Vec::new(), &wal, None, &View::default(), &mut gaps);
        let wal = serde_json::to_value(&report).unwrap()["wal"].clone();
        let gaps = serde_json::to_value(&gaps).unwrap();
        (wal["written_bytes"].as_u64(), wal["bytes_per_day"].as_f64(), gaps[0]["fields"].clone())
    };
    assert_eq!(report_after(0), (None, None, json!(["wal.written_bytes", "wal.bytes_per_day"])));
    assert_eq!(report_after(1), (Some(600), None, json!(["wal.bytes_per_day"])));
    assert_eq!(report_after(1_440), (Some(600), Some(600.0), json!(null)));
}

#[test]
fn report_archiving_standby_or_hidden_is_fine() {
    let found = |in_recovery, hidden: bool| {
        let snapshot = disaster_snapshot(|snapshot| {
            snapshot.server.in_recovery = in_recovery;
            set_setting(snapshot, "archive_mode", "on");
            set_setting(snapshot, "archive_command", "");
            if let (Fact::Known(settings), true) = (&mut snapshot.settings, hidden) {
                settings.0.retain(|setting| setting.name != "archive_command");
            }
        });
        let evidence = Evidence::new(&snapshot, HistoryView::default());
        let is_selected = |check: &Check| check.name == "failed-archiving";
        let assessment = assess(&Checks::default(), &evidence, is_selected, &SummaryOptions::default());
        assessment.summary.findings.iter().any(|finding| finding.level > Level::Unknown)
    };
    assert_eq!([found(false, false), found(true, false), found(false, true)], [true, false, false]);
    let standby = disaster_snapshot(|snapshot| {
        snapshot.server.in_recovery = true;
        set_setting(snapshot, "archive_mode", "on");
        set_setting(snapshot, "archive_command", "");
    });
    let mut gaps = Gaps::default();
    let report = WalReport::new(&standby, &[], &mut gaps);
    assert!(render_text(&standby, report, gaps).contains("Archiving is done by the primary"));
}

#[test]
fn report_names_unconnectable_database() {
    let skipped = |allows_connections, listed| {
        let snapshot = disaster_snapshot(|snapshot| {
            let Fact::Known(databases) = &mut snapshot.databases else { panic!("the databases are recorded") };
            databases[0].allows_connections = allows_connections;
            let database = databases[0].database.clone();
            snapshot.skipped =
                vec![crate::facts::SkippedDatabase { database, reason: "no".into(), hint: None, listed }];
            snapshot.database_snapshots.clear();
        });
        let mut gaps = Gaps::default();
        let report = TablesReport::new(&snapshot, true, &View::default(), TableSort::Total, &mut gaps);
        let envelope = Envelope::new(&snapshot, report, gaps);
        assert!(serde_json::to_string(&envelope).unwrap().contains("was skipped: no"));
        envelope.is_incomplete()
    };
    assert_eq!([skipped(true, false), skipped(false, false), skipped(false, true)], [true, false, true]);
}

#[test]
fn report_no_wal_holder_needs_all_facts() {
    let report_for = |change: fn(&mut Snapshot)| {
        let (snapshot, mut gaps) = (disaster_snapshot(change), Gaps::default());
        let report = WalReport::new(&snapshot, &[], &mut gaps);
        let gap = serde_json::to_string(&gaps).unwrap().contains("wal.forecast.wal_accumulation");
        (render_text(&snapshot, report, gaps).contains("currently, nothing retains all new WAL"), gap)
    };
    assert_eq!(report_for(|snapshot| snapshot.slots = Fact::Known(Vec::new())), (true, false));
    assert_eq!(report_for(|snapshot| snapshot.slots = Fact::not_requested("replication slots")), (false, true));
    let without_settings = |snapshot: &mut Snapshot| {
        snapshot.slots = Fact::Known(Vec::new());
        snapshot.settings = Fact::not_requested("settings");
    };
    assert_eq!(report_for(without_settings), (false, true));
    let archiving = |snapshot: &mut Snapshot| {
        snapshot.slots = Fact::Known(Vec::new());
        set_setting(snapshot, "archive_mode", "on");
        set_setting(snapshot, "archive_command", "cp %p /archive/%f");
        snapshot.archiver = Fact::not_requested("archiver");
    };
    assert_eq!(report_for(archiving), (false, true));
}

#[test]
fn report_merges_gaps_of_databases() {
    let snapshot = disaster_snapshot(|snapshot| {
        let more = snapshot.database_snapshots[0].clone();
        snapshot.database_snapshots.push(crate::facts::DatabaseSnapshot { database: "another".into(), ..more });
        for (position, db) in snapshot.database_snapshots.iter_mut().enumerate() {
            let why = crate::facts::Unavailable::new("tables", format!("denied in {position}"));
            db.tables = Fact::Unavailable(why.with_hint(Some("GRANT pg_monitor TO app")));
        }
    });
    let mut gaps = Gaps::default();
    let report = TablesReport::new(&snapshot, true, &View::default(), TableSort::Total, &mut gaps);
    let text = render_text(&snapshot, report, gaps);
    assert!(text.contains("? not visible: tables → GRANT"), "{text}");
}
