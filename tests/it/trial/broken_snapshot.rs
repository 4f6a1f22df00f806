//! Snapshot files that somebody edited, cut short, or made up: a report or a clear word, never a bug.

use serde_json::{Value, json};

use crate::clusters::say;
use crate::reports::program::{REPORTS, run};
use crate::reports::stories::story;

/// More with `PGTEND_TEST_SNAPSHOTS=20000`.
const CASES: u64 = 300;

#[test]
fn a_broken_snapshot_is_a_report_or_a_clear_word() {
    let cases = std::env::var("PGTEND_TEST_SNAPSHOTS").map_or(CASES, |cases| cases.parse().expect("a number"));
    let whole = ["disaster", "hidden", "names"].map(|name| {
        let text = std::fs::read_to_string(story(name)).expect("the story");
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let refused = std::thread::scope(|scope| {
        let share = |worker| {
            let whole = &whole;
            scope.spawn(move || {
                (worker..cases).step_by(workers as usize).filter(|seed| is_refused(whole, *seed)).count()
            })
        };
        let running: Vec<_> = (0..workers).map(share).collect();
        running.into_iter().map(|worker| worker.join().expect("no case failed")).sum::<usize>()
    });
    say(&format!("broken snapshots: {cases} cases, {refused} refused, the others reported"));
}

fn is_refused(whole: &[Value], seed: u64) -> bool {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut snapshot = whole[dice.usize(..whole.len())].clone();
    for _ in 0..dice.usize(1..4) {
        mutate(&mut snapshot, &mut dice);
    }
    let mut text = snapshot.to_string();
    if dice.u8(..20) == 0 {
        let cut = dice.usize(..text.len());
        text.truncate((0..=cut).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("snapshot.json");
    std::fs::write(&file, text).expect("it is written");
    let report = REPORTS.get(dice.usize(..=REPORTS.len())).unwrap_or(&"audit");
    let format = ["table", "json", "csv", "markdown", "html"][dice.usize(..5)];
    // A panic is seen by `run` itself.
    let answer = run(&[report, "--format", format, "--from", file.to_str().expect("UTF-8")]);
    match answer.exit {
        0 => false,
        1 => {
            assert!(answer.stdout.is_empty() && answer.stderr.contains("snapshot.json"), "seed {seed}: {answer:?}");
            true
        }
        _ => panic!("seed {seed}: {answer:?}"),
    }
}

/// Replaces, removes or repeats one value somewhere below.
fn mutate(value: &mut Value, dice: &mut fastrand::Rng) {
    let deeper = dice.u8(..8) != 0;
    match value {
        Value::Array(all) if !all.is_empty() && deeper => {
            let at = dice.usize(..all.len());
            match dice.u8(..10) {
                0 => drop(all.remove(at)),
                1 => all.push(all[at].clone()),
                _ => mutate(&mut all[at], dice),
            }
        }
        Value::Object(map) if !map.is_empty() && deeper => {
            let key = map.keys().nth(dice.usize(..map.len())).expect("a key").clone();
            if dice.u8(..12) == 0 {
                map.remove(&key);
            } else {
                mutate(map.get_mut(&key).expect("it is there"), dice);
            }
        }
        other => *other = if dice.u8(..6) == 0 { strange(dice) } else { extreme(other, dice) },
    }
}

fn strange(dice: &mut fastrand::Rng) -> Value {
    let values = [
        Value::Null,
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(true),
        json!(""),
        json!("0/0"),
        json!("FFFFFFFF/FFFFFFFF"),
        json!("-9999-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("\u{1b}[2J\u{0}"),
        json!("é".repeat(500)),
        json!([]),
        json!({}),
    ];
    values[dice.usize(..values.len())].clone()
}

/// Of the same kind, but as no server says it.
fn extreme(value: &Value, dice: &mut fastrand::Rng) -> Value {
    let one = |values: &[Value], dice: &mut fastrand::Rng| values[dice.usize(..values.len())].clone();
    match value {
        Value::Number(number) if number.is_f64() => one(&[json!(0.0), json!(-1.5), json!(1e308), json!(5e-324)], dice),
        Value::Number(_) => one(&[json!(0), json!(1), json!(u32::MAX), json!(i64::MAX), json!(dice.u64(..))], dice),
        Value::Bool(flag) => json!(!flag),
        Value::String(text) if text.parse::<pgtend::model::Lsn>().is_ok() => {
            one(&[json!("0/0"), json!("0/1"), json!("FFFFFFFF/FFFFFFFF"), json!("7FFFFFFF/0")], dice)
        }
        Value::String(text) if text.ends_with('Z') => {
            one(&[json!("-009999-01-02T00:00:00Z"), json!("1970-01-01T00:00:00Z"), json!("9999-12-30T22:00:00Z")], dice)
        }
        Value::String(_) => one(&[json!(""), json!("x"), json!("\u{1b}[2J\u{0}"), json!("é".repeat(500))], dice),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
        Value::Null => strange(dice),
    }
}
