//! What no report may say: that there is none where nobody knows, and that a part is the whole.

use super::*;
use crate::{
    judge::{
        index::judgement,
        slot::{Evidence, Limits},
    },
    model::{
        Fact, IndexJudgement, IndexLimits, Slot, Snapshot,
        past::{Deed, Intent, Memory, WalInterval},
    },
    render::{Style, terminal},
};
use jiff::Timestamp;
use serde_json::json;

/// The recorded disaster, with one thing changed.
fn disaster(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/disaster.json");
    let mut snapshot = Snapshot::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
    change(&mut snapshot);
    snapshot
}

fn read<R: Report>(snapshot: &Snapshot, report: R, gaps: Gaps) -> String {
    let document = Envelope::new(snapshot, report, gaps).document();
    terminal(&document, Style { color: false, width: None })
}

fn overview(snapshot: &Snapshot) -> String {
    let (memory, limits, mut gaps) = (Memory::default(), Limits::default(), Gaps::default());
    let report = OverviewReport::of(&Evidence { snapshot, memory: &memory, limits: &limits }, &mut gaps);
    read(snapshot, report, gaps)
}

fn slots(snapshot: &Snapshot, view: &View, sort: SlotSort) -> String {
    let (memory, limits, mut gaps) = (Memory::default(), Limits::default(), Gaps::default());
    let report = SlotsReport::of(&Evidence { snapshot, memory: &memory, limits: &limits }, view, sort, &mut gaps);
    read(snapshot, report, gaps)
}

fn set(snapshot: &mut Snapshot, name: &str, value: &str) {
    let Fact::Known(settings) = &mut snapshot.settings else { panic!("the settings are recorded") };
    let setting = settings.0.iter_mut().find(|one| one.name == name).unwrap();
    setting.setting = value.to_owned();
}

#[test]
fn slots_that_could_not_be_read_are_not_none() {
    assert!(overview(&disaster(|it| it.slots = Fact::Known(Vec::new()))).contains("No replication slot."));
    let text = overview(&disaster(|it| it.slots = Fact::not_asked("replication slots")));
    assert!(!text.contains("No replication slot") && text.contains("Replication slots: not known."), "{text}");
}

#[test]
fn indexes_that_could_not_be_read_are_not_nothing_to_drop() {
    let text = |snapshot: &Snapshot| {
        let limits = IndexLimits::default();
        let judged: Vec<IndexJudgement> =
            snapshot.contents.iter().map(|contents| judgement(snapshot, contents, None, &limits)).collect();
        let (memory, view, mut gaps) = (Memory::default(), View::default(), Gaps::default());
        let report = IndexesReport::of(snapshot, &judged, &memory, false, &view, IndexSort::Gain, &mut gaps);
        read(snapshot, report, gaps)
    };
    assert!(text(&disaster(|_| {})).contains("may be dropped"));
    let text = text(&disaster(|it| it.contents.iter_mut().for_each(|one| one.indexes = Fact::not_asked("indexes"))));
    assert!(!text.contains("may be dropped") && text.contains("Which indexes there are is not known."), "{text}");
}

#[test]
fn what_slots_hold_together_is_told_of_all_of_them() {
    let named = |slot: &Slot, at: usize| Slot { slot_name: format!("s{at:02}"), ..slot.clone() };
    let many = disaster(|it| {
        let Fact::Known(slots) = &mut it.slots else { panic!("the slots are recorded") };
        let first = slots.iter().min_by_key(|slot| slot.restart_lsn).unwrap().clone();
        *slots = (0..12).map(|at| named(&first, at)).collect();
        // The last by its name reaches back furthest.
        let newest = it.wal_position.known().unwrap().current_lsn.unwrap();
        slots[..11].iter_mut().for_each(|slot| slot.restart_lsn = Some(newest.back(1 << 20)));
    });
    let all = slots(&many, &View::default(), SlotSort::Name);
    let together =
        |text: &str| text.lines().find(|line| line.contains("together")).unwrap().split(',').next().unwrap().to_owned();
    assert!(all.contains("… and 2 more: `pgtend slots why NAME`"), "{all}");
    let one = slots(&many, &View { limit: Some(1), ..View::default() }, SlotSort::Name);
    assert_eq!(together(&one), together(&all));
}

#[test]
fn some_databases_together_are_not_all_of_them() {
    let text = |min_size| {
        let (snapshot, mut gaps) = (disaster(|_| {}), Gaps::default());
        let view = View { min_size, ..View::default() };
        let report = DatabasesReport::of(&snapshot, &view, DatabaseSort::Size, &mut gaps);
        read(&snapshot, report, gaps)
    };
    assert!(text(0).contains("Together "));
    assert!(!text(10 << 20).contains("Together "));
}

#[test]
fn a_deed_without_an_outcome_is_told_of_where_the_list_is_cut_before_it() {
    let deed = |deed_id, second| Deed {
        deed_id,
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
            gauge: None,
            before_bytes: None,
            begun_at: Timestamp::from_second(second).unwrap(),
        },
        outcome: None,
        measured_bytes: None,
        measured_at: None,
    };
    let view = View { limit: Some(1), ..View::default() };
    let report = DeedsReport::of(vec![deed(1, 10), deed(2, 20)], Vec::new(), &view);
    let text = terminal(&report.document(), Style { color: false, width: None });
    assert!(text.contains("2 without an outcome"), "{text}");
}

#[test]
fn one_sample_does_not_know_that_no_wal_was_written_and_two_of_a_minute_no_rate() {
    let asked = |minutes: i64| {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let written = WalInterval { from: at(0), to: at(minutes), bytes: 600 };
        let (wal, mut gaps) = (if minutes > 0 { vec![written] } else { Vec::new() }, Gaps::default());
        let report = GrowthReport::of(Vec::new(), &wal, None, &View::default(), &mut gaps);
        let wal = serde_json::to_value(&report).unwrap()["wal"].clone();
        let gaps = serde_json::to_value(&gaps).unwrap();
        (wal["written_bytes"].as_u64(), wal["bytes_per_day"].as_f64(), gaps[0]["fields"].clone())
    };
    assert_eq!(asked(0), (None, None, json!(["wal.written_bytes", "wal.bytes_per_day"])));
    assert_eq!(asked(1), (Some(600), None, json!(["wal.bytes_per_day"])));
    assert_eq!(asked(1_440), (Some(600), Some(600.0), json!(null)));
}

#[test]
fn a_standby_that_does_not_archive_and_a_hidden_command_are_no_finding() {
    let found = |in_recovery, hidden: bool| {
        let snapshot = disaster(|it| {
            it.server.in_recovery = in_recovery;
            set(it, "archive_mode", "on");
            set(it, "archive_command", "");
            if let (Fact::Known(settings), true) = (&mut it.settings, hidden) {
                settings.0.retain(|one| one.name != "archive_command");
            }
        });
        let (memory, limits, mut gaps) = (Memory::default(), Limits::default(), Gaps::default());
        let evidence = Evidence { snapshot: &snapshot, memory: &memory, limits: &limits };
        let json = serde_json::to_string(&OverviewReport::of(&evidence, &mut gaps)).unwrap();
        json.contains("archive_mode is on without a command")
    };
    assert_eq!([found(false, false), found(true, false), found(false, true)], [true, false, false]);
    let standby = disaster(|it| {
        it.server.in_recovery = true;
        set(it, "archive_mode", "on");
        set(it, "archive_command", "");
    });
    let mut gaps = Gaps::default();
    let report = WalReport::of(&standby, &[], &mut gaps);
    assert!(read(&standby, report, gaps).contains("Archiving is the primary's matter"));
}

#[test]
fn a_database_that_nobody_may_connect_to_is_named_and_hides_nothing() {
    let skipped = |allows_connections, listed| {
        let snapshot = disaster(|it| {
            let Fact::Known(databases) = &mut it.databases else { panic!("the databases are recorded") };
            databases[0].allows_connections = allows_connections;
            let database = databases[0].database.clone();
            it.skipped = vec![crate::model::Skipped { database, reason: "no".into(), hint: None, listed }];
            it.contents.clear();
        });
        let mut gaps = Gaps::default();
        let report = TablesReport::of(&snapshot, true, &View::default(), TableSort::Total, &mut gaps);
        let envelope = Envelope::new(&snapshot, report, gaps);
        assert!(serde_json::to_string(&envelope).unwrap().contains("was skipped: no"));
        envelope.is_incomplete()
    };
    assert_eq!([skipped(true, false), skipped(false, false), skipped(false, true)], [true, false, true]);
}

#[test]
fn nobody_keeps_wal_only_where_everybody_was_asked() {
    let told = |change: fn(&mut Snapshot)| {
        let (snapshot, mut gaps) = (disaster(change), Gaps::default());
        let report = WalReport::of(&snapshot, &[], &mut gaps);
        let gap = serde_json::to_string(&gaps).unwrap().contains("wal.forecast.pile_up");
        (read(&snapshot, report, gaps).contains("and nobody does"), gap)
    };
    assert_eq!(told(|it| it.slots = Fact::Known(Vec::new())), (true, false));
    assert_eq!(told(|it| it.slots = Fact::not_asked("replication slots")), (false, true));
    let blind = |it: &mut Snapshot| {
        it.slots = Fact::Known(Vec::new());
        it.settings = Fact::not_asked("settings");
    };
    assert_eq!(told(blind), (false, true));
    let archiving = |it: &mut Snapshot| {
        it.slots = Fact::Known(Vec::new());
        set(it, "archive_mode", "on");
        set(it, "archive_command", "cp %p /archive/%f");
        it.archiver = Fact::not_asked("archiver");
    };
    assert_eq!(told(archiving), (false, true));
}

#[test]
fn what_several_databases_lack_is_named_once() {
    let snapshot = disaster(|it| {
        let more = it.contents[0].clone();
        it.contents.push(crate::model::Contents { database: "another".into(), ..more });
        for (at, one) in it.contents.iter_mut().enumerate() {
            let why = crate::model::Unavailable::because("tables", format!("denied in {at}"));
            one.tables = Fact::Unavailable(why.with_hint(Some("GRANT pg_monitor TO app")));
        }
    });
    let mut gaps = Gaps::default();
    let report = TablesReport::of(&snapshot, true, &View::default(), TableSort::Total, &mut gaps);
    let text = read(&snapshot, report, gaps);
    assert!(text.contains("? not visible: tables → GRANT"), "{text}");
}
