//! Snapshot files that were edited, truncated or made up: a report or a clear error, never a bug.

use serde_json::{Value, json};

use crate::clusters::print_stderr;
use crate::reports::program::{REPORT_NAMES, run_pgtend};
use crate::reports::scenarios::scenario_file;

/// Can be raised with `PGTEND_TEST_SNAPSHOTS=20000`.
const CASES: u64 = 100;

#[test]
fn fuzzed_snapshot_gives_report_or_error() {
    let cases = std::env::var("PGTEND_TEST_SNAPSHOTS").map_or(CASES, |cases| cases.parse().expect("a number"));
    let originals = ["disaster", "hidden", "names"].map(|name| {
        let text = std::fs::read_to_string(scenario_file(name)).expect("the scenario");
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let refused = std::thread::scope(|scope| {
        let share = |worker| {
            let originals = &originals;
            scope.spawn(move || {
                (worker..cases).step_by(workers as usize).filter(|seed| is_snapshot_refused(originals, *seed)).count()
            })
        };
        let running: Vec<_> = (0..workers).map(share).collect();
        running.into_iter().map(|worker| worker.join().expect("no case failed")).sum::<usize>()
    });
    print_stderr(&format!("broken snapshots: {cases} cases, {refused} refused, the others reported"));
}

fn is_snapshot_refused(originals: &[Value], seed: u64) -> bool {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut snapshot = originals[random.usize(..originals.len())].clone();
    for _ in 0..random.usize(1..4) {
        mutate_value(&mut snapshot, &mut random);
    }
    let mut text = snapshot.to_string();
    if random.u8(..20) == 0 {
        let cut = random.usize(..text.len());
        text.truncate((0..=cut).rev().find(|position| text.is_char_boundary(*position)).unwrap_or(0));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("snapshot.json");
    std::fs::write(&file, text).expect("it is written");
    let report = REPORT_NAMES.get(random.usize(..=REPORT_NAMES.len())).unwrap_or(&"audit");
    let format = ["table", "json", "csv", "markdown", "html"][random.usize(..5)];
    // `run_pgtend` fails on a panic.
    let answer = run_pgtend(&[report, "--format", format, "--from", file.to_str().expect("UTF-8")]);
    match answer.exit {
        0 => false,
        1 => {
            assert!(answer.stdout.is_empty() && answer.stderr.contains("snapshot.json"), "seed {seed}: {answer:?}");
            true
        }
        _ => panic!("seed {seed}: {answer:?}"),
    }
}

/// Replaces, removes or repeats one nested value.
fn mutate_value(value: &mut Value, random: &mut fastrand::Rng) {
    let deeper = random.u8(..8) != 0;
    match value {
        Value::Array(elements) if !elements.is_empty() && deeper => {
            let index = random.usize(..elements.len());
            match random.u8(..10) {
                0 => drop(elements.remove(index)),
                1 => elements.push(elements[index].clone()),
                _ => mutate_value(&mut elements[index], random),
            }
        }
        Value::Object(map) if !map.is_empty() && deeper => {
            let key = map.keys().nth(random.usize(..map.len())).expect("a key").clone();
            if random.u8(..12) == 0 {
                map.remove(&key);
            } else {
                mutate_value(map.get_mut(&key).expect("it is there"), random);
            }
        }
        other => *other = if random.u8(..6) == 0 { random_value(random) } else { extreme_value(other, random) },
    }
}

fn random_value(random: &mut fastrand::Rng) -> Value {
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
    values[random.usize(..values.len())].clone()
}

/// Returns a value of the same type that no server reports.
fn extreme_value(value: &Value, random: &mut fastrand::Rng) -> Value {
    let choose = |values: &[Value], dice: &mut fastrand::Rng| values[dice.usize(..values.len())].clone();
    match value {
        Value::Number(number) if number.is_f64() => {
            choose(&[json!(0.0), json!(-1.5), json!(1e308), json!(5e-324)], random)
        }
        Value::Number(_) => {
            choose(&[json!(0), json!(1), json!(u32::MAX), json!(i64::MAX), json!(random.u64(..))], random)
        }
        Value::Bool(flag) => json!(!flag),
        Value::String(text) if text.parse::<pgtend::units::Lsn>().is_ok() => {
            choose(&[json!("0/0"), json!("0/1"), json!("FFFFFFFF/FFFFFFFF"), json!("7FFFFFFF/0")], random)
        }
        Value::String(text) if text.ends_with('Z') => choose(
            &[json!("-009999-01-02T00:00:00Z"), json!("1970-01-01T00:00:00Z"), json!("9999-12-30T22:00:00Z")],
            random,
        ),
        Value::String(_) => choose(&[json!(""), json!("x"), json!("\u{1b}[2J\u{0}"), json!("é".repeat(500))], random),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
        Value::Null => random_value(random),
    }
}
