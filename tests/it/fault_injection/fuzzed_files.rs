//! Files of arbitrary bytes where text is expected: a report or a clear error, no bug, and no password in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::clusters::print_stderr;
use crate::reports::program::{pgtend_command, run_command};
use crate::reports::scenarios::scenario_file;

/// Can be raised with `PGTEND_TEST_BYTES=5000`.
const CASES: u64 = 80;

const SECRET: &str = "hunter2";

/// The kinds of files, each with valid contents.
const FILE_KINDS: [(&str, &str); 5] = [
    (
        "config",
        "[target.prod]\nconninfo = 'host=/nowhere dbname=größe'\npassword = \"hunter2\"\n[indexes]\nmin_reclaim = \"10MB\"\n\
                [check.xid-wraparound]\nwarning = 3\n[notify.team]\ntype = \"slack\"\nurl = \"env:HOOK\"\n",
    ),
    ("service", "# ours\n[prod]\nhost=/nowhere\nport=5432\ndbname=größe\npassword=hunter2\n\n[other]\nhost=x\n"),
    ("passfile", "# ours\n/nowhere:5432:größe:*:hunter2\nlocalhost:*:*:x:hunter2\\:2\n"),
    ("from", ""),
    ("since", ""),
];

#[test]
fn fuzzed_files_give_report_or_error() {
    let cases = std::env::var("PGTEND_TEST_BYTES").map_or(CASES, |cases| cases.parse().expect("a number"));
    let snapshot = fs::read(scenario_file("disaster")).expect("the scenario");
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let ended = std::thread::scope(|scope| {
        let share = |worker| {
            let snapshot = &snapshot;
            scope.spawn(move || {
                (worker..cases).step_by(workers as usize).map(|seed| run_case(seed, snapshot)).collect::<Vec<_>>()
            })
        };
        let running: Vec<_> = (0..workers).map(share).collect();
        running.into_iter().flat_map(|worker| worker.join().expect("no case failed")).collect::<Vec<i32>>()
    });
    let count = |exit| ended.iter().filter(|code| **code == exit).count();
    print_stderr(&format!(
        "files of arbitrary bytes: {cases} cases: {} reported, {} failed, {} refused",
        count(0),
        count(1),
        count(2)
    ));
}

fn run_case(seed: u64, snapshot: &[u8]) -> i32 {
    let mut random = fastrand::Rng::with_seed(seed);
    let (kind, original) = FILE_KINDS[seed as usize % FILE_KINDS.len()];
    let original = if original.is_empty() { snapshot } else { original.as_bytes() };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, damaged_bytes(original, &mut random)).expect("it is written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("owner-only access");
    let (exit, output) = run_with_file(kind, &file);
    assert!((0..=2).contains(&exit), "seed {seed}, {kind}: exit {exit}: {output}");
    assert!(!output.contains(SECRET), "seed {seed}, {kind}: {output}");
    assert!(exit == 0 || output.contains("pgtend: "), "seed {seed}, {kind}: no word");
    exit
}

fn run_with_file(kind: &str, file: &Path) -> (i32, String) {
    let named = file.to_str().expect("UTF-8");
    let now = scenario_file("disaster");
    let server = ["overview", "-w", "--history", "none"];
    let mut command = match kind {
        "config" => pgtend_command(&[&server[..], &["--config", named, "--target", "prod", "-vv"]].concat()),
        "from" => pgtend_command(&["tables", "--from", named]),
        "since" => pgtend_command(&["slots", "--from", &now, "--since", named]),
        _ => pgtend_command(&[&server[..], &["-vv"]].concat()),
    };
    match kind {
        "service" => command.env("PGSERVICEFILE", file).env("PGSERVICE", "prod"),
        "passfile" => command.env("PGPASSFILE", file).env("PGHOST", "/nowhere").env("PGDATABASE", "größe"),
        _ => &mut command,
    };
    let answer = run_command(&mut command);
    (answer.exit, answer.stderr)
}

/// Returns random bytes, or valid ones that are truncated, changed, duplicated, or nested too deeply.
fn damaged_bytes(original: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = original.to_vec();
    match random.u8(..8) {
        0 => bytes = (0..random.usize(..3_000)).map(|_| random.u8(..)).collect(),
        1 => bytes.truncate(random.usize(..bytes.len())),
        2 => bytes = [vec![b'['; 200_000], vec![b']'; random.usize(..200_000)]].concat(),
        3 => bytes = b"{\"schema_version\":1,\"command\":\"snapshot\",\"server\":".repeat(random.usize(1..20_000)),
        4 => {
            let position = random.usize(..bytes.len());
            bytes.splice(
                position..position,
                b"99999999999999999999999999999999999999999e99999".repeat(random.usize(1..4)),
            );
        }
        5 => {
            let (from, to) = (random.usize(..bytes.len()), random.usize(..bytes.len()));
            let part = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.splice(to..to, part);
        }
        _ => {
            for _ in 0..random.usize(1..6) {
                let position = random.usize(..bytes.len());
                bytes[position] ^= 1 << random.u8(..8);
            }
        }
    }
    bytes
}
