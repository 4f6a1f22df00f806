//! Files of any bytes where text is expected: an answer or a clear word, no bug, and no password in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::clusters::say;
use crate::reports::program::{answer, pgtend};
use crate::reports::stories::story;

/// More with `PGTEND_TEST_BYTES=5000`.
const CASES: u64 = 240;

const SECRET: &str = "hunter2";

/// The kinds of files, each as it should be.
const KINDS: [(&str, &str); 5] = [
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
fn files_of_any_bytes_are_an_answer_or_a_clear_word() {
    let cases = std::env::var("PGTEND_TEST_BYTES").map_or(CASES, |cases| cases.parse().expect("a number"));
    let snapshot = fs::read(story("disaster")).expect("the story");
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let ended = std::thread::scope(|scope| {
        let share = |worker| {
            let snapshot = &snapshot;
            scope.spawn(move || {
                (worker..cases).step_by(workers as usize).map(|seed| case(seed, snapshot)).collect::<Vec<_>>()
            })
        };
        let running: Vec<_> = (0..workers).map(share).collect();
        running.into_iter().flat_map(|worker| worker.join().expect("no case failed")).collect::<Vec<i32>>()
    });
    let count = |exit| ended.iter().filter(|one| **one == exit).count();
    say(&format!(
        "files of any bytes: {cases} cases: {} answered, {} failed, {} refused",
        count(0),
        count(1),
        count(2)
    ));
}

fn case(seed: u64, snapshot: &[u8]) -> i32 {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (kind, whole) = KINDS[seed as usize % KINDS.len()];
    let whole = if whole.is_empty() { snapshot } else { whole.as_bytes() };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, spoilt(whole, &mut dice)).expect("it is written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours alone");
    let (exit, said) = run(kind, &file);
    assert!((0..=2).contains(&exit), "seed {seed}, {kind}: exit {exit}: {said}");
    assert!(!said.contains(SECRET), "seed {seed}, {kind}: {said}");
    assert!(exit == 0 || said.contains("pgtend: "), "seed {seed}, {kind}: no word");
    exit
}

fn run(kind: &str, file: &Path) -> (i32, String) {
    let named = file.to_str().expect("UTF-8");
    let now = story("disaster");
    let server = ["overview", "-w", "--history", "none"];
    let mut command = match kind {
        "config" => pgtend(&[&server[..], &["--config", named, "--target", "prod", "-vv"]].concat()),
        "from" => pgtend(&["tables", "--from", named]),
        "since" => pgtend(&["slots", "--from", &now, "--since", named]),
        _ => pgtend(&[&server[..], &["-vv"]].concat()),
    };
    match kind {
        "service" => command.env("PGSERVICEFILE", file).env("PGSERVICE", "prod"),
        "passfile" => command.env("PGPASSFILE", file).env("PGHOST", "/nowhere").env("PGDATABASE", "größe"),
        _ => &mut command,
    };
    let answer = answer(&mut command);
    (answer.exit, answer.stderr)
}

/// Bytes of no kind, or good ones cut short, flipped, doubled, or nested too deep.
fn spoilt(whole: &[u8], dice: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match dice.u8(..8) {
        0 => bytes = (0..dice.usize(..3_000)).map(|_| dice.u8(..)).collect(),
        1 => bytes.truncate(dice.usize(..bytes.len())),
        2 => bytes = [vec![b'['; 200_000], vec![b']'; dice.usize(..200_000)]].concat(),
        3 => bytes = b"{\"schema_version\":1,\"command\":\"snapshot\",\"server\":".repeat(dice.usize(1..20_000)),
        4 => {
            let at = dice.usize(..bytes.len());
            bytes.splice(at..at, b"99999999999999999999999999999999999999999e99999".repeat(dice.usize(1..4)));
        }
        5 => {
            let (from, to) = (dice.usize(..bytes.len()), dice.usize(..bytes.len()));
            let part = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.splice(to..to, part);
        }
        _ => {
            for _ in 0..dice.usize(1..6) {
                let at = dice.usize(..bytes.len());
                bytes[at] ^= 1 << dice.u8(..8);
            }
        }
    }
    bytes
}
