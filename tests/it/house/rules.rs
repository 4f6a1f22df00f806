//! What a source of a room may name.

use super::paths::{Named, paths};
use super::tokens::tokens;

/// The rooms, from the ground up, and what each may import beside itself.
pub const ROOMS: &[(&str, &[&str])] = &[
    ("redact", &[]),
    ("model", &[]),
    ("pg", &["redact", "model"]),
    ("inspect", &["pg", "model"]),
    ("judge", &["model"]),
    ("plan", &["judge", "model"]),
    ("frameworks", &["plan", "output_file", "model"]),
    ("render", &["model"]),
    ("report", &["render", "plan", "judge", "model"]),
    ("history", &["pg", "redact", "model"]),
    ("act", &["plan", "inspect", "pg", "history", "model"]),
    ("notify", &["render", "redact", "model"]),
    ("sandbox", &[]),
    ("output_file", &[]),
];

/// What may import everything: the roof, and the commands that glue the rooms together.
pub const ROOF: &[&str] = &[
    "cli",
    "config",
    "context",
    "ui",
    "error",
    "exit_code",
    "interrupt",
    "main",
    "lib",
    "options",
    "process_list",
    "history_url",
];
pub const COMMANDS: &str = "commands";

/// The rooms that are functions of values alone.
const PURE: &[&str] = &["redact", "model", "judge", "plan", "render", "report"];

/// The crates that one room keeps to itself.
const KEEPERS: &[(&str, &str)] = &[("tokio_postgres", "pg"), ("sqlx", "history")];

/// The types that tell the time. Folders of the sandbox are as old as the file system says.
const CLOCKS: &[(&str, &[&str])] = &[("SystemTime", &["sandbox"]), ("Timestamp", &[]), ("Zoned", &[])];

/// What `std::env` holds beside the environment.
const PURE_ENV: &[&str] = &["consts", "split_paths", "join_paths"];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Where the source at `path` breaks the rules, each as `path:line: why`.
pub fn violations(path: &str, source: &str) -> Vec<String> {
    let room = path.strip_prefix("src/").unwrap_or(path).split(['/', '.']).next().unwrap_or_default();
    let roof = ROOF.contains(&room);
    if !roof && room != COMMANDS && allowed(room).is_none() {
        return vec![format!("{path}: {room} is not a room of the house; tests/it/house/rules.rs lists them")];
    }
    let mut found = Vec::new();
    let mut complain = |line: usize, why: String| found.push(format!("{path}:{line}: {why}"));
    for named in paths(path, source) {
        let reasons = [
            import(room, roof, &named),
            kept_crate(room, &named),
            environment(roof, &named),
            clock(room, roof, &named),
            output(roof, &named),
        ];
        reasons.into_iter().flatten().for_each(|why| complain(named.line, why));
    }
    let tokens = tokens(source);
    for (at, token) in tokens.iter().enumerate() {
        if PURE.contains(&room) && (token.text == "async" || token.text == "await") {
            complain(token.line, format!("{room} is pure: no {}", token.text));
        }
        let called = tokens.get(at + 1).is_some_and(|next| next.text == "!");
        if room != "ui" && called && PRINTING.contains(&token.text.as_str()) {
            complain(token.line, format!("only ui prints: no {}!", token.text));
        }
    }
    found
}

fn allowed(room: &str) -> Option<&'static [&'static str]> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, imports)| *imports)
}

fn import(room: &str, roof: bool, named: &Named) -> Option<String> {
    if named.segments.first().map(String::as_str) != Some("crate") {
        return None;
    }
    // A lone `crate` is a visibility, unless it gets another name.
    let Some(target) = named.segments.get(1) else {
        return named.alias.is_some().then(|| "the whole crate under another name".to_owned());
    };
    let known = allowed(target).is_some() || ROOF.contains(&target.as_str()) || target == COMMANDS;
    if !known {
        return Some(format!("{target} is not a room of the house"));
    }
    let may = roof || room == COMMANDS || target == room || allowed(room)?.contains(&target.as_str());
    (!may).then(|| format!("{room} may not import {target}"))
}

fn kept_crate(room: &str, named: &Named) -> Option<String> {
    let (name, keeper) = KEEPERS.iter().find(|(name, _)| named.segments.iter().any(|segment| segment == name))?;
    (room != *keeper).then(|| format!("{name} is for {keeper} only"))
}

fn environment(roof: bool, named: &Named) -> Option<String> {
    let mut segments = named.segments.iter().map(String::as_str);
    let reads = match (segments.next()?, segments.next()?) {
        ("std", "env") => !segments.next().is_some_and(|item| PURE_ENV.contains(&item)),
        ("std", "*") => true,
        _ => false,
    };
    (!roof && reads).then(|| "only the roof reads the environment (std::env)".to_owned())
}

fn clock(room: &str, roof: bool, named: &Named) -> Option<String> {
    let (kind, may) = CLOCKS.iter().find(|(kind, _)| named.segments.iter().any(|segment| segment == kind))?;
    // Under another name its `now` would not be recognised.
    let tells = named.segments.last().is_some_and(|last| last == "now") || named.alias.is_some();
    let allowed = roof || may.contains(&room);
    (!allowed && tells).then(|| format!("only the roof reads the clock ({kind}::now)"))
}

fn output(roof: bool, named: &Named) -> Option<String> {
    let mut last_two = named.segments.iter().rev().map(String::as_str);
    let (item, module) = (last_two.next()?, last_two.next()?);
    let handle = module == "io" && matches!(item, "stdout" | "stderr" | "Stdout" | "Stderr");
    (!roof && handle).then(|| format!("only ui prints: no io::{item}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(path: &str, source: &str) -> String {
        violations(path, source).join("; ")
    }

    #[test]
    fn every_breach_is_caught() {
        for (path, source, why) in [
            ("src/util/mod.rs", "", "util is not a room"),
            ("src/helpers.rs", "", "helpers is not a room"),
            ("src/bin/tool.rs", "", "bin is not a room"),
            ("src/model/slot.rs", "use crate::pg::Query;", "model may not import pg"),
            ("src/model/slot.rs", "use crate::{model::Lsn, render};", "model may not import render"),
            (
                "src/render/cell.rs",
                "use crate::{model::{Lsn, Fact}, {report::{a, b}}};",
                "render may not import report",
            ),
            ("src/judge/slots.rs", "fn f() { crate::inspect::look() }", "judge may not import inspect"),
            ("src/plan/mod.rs", "fn f(x: &crate::pg::Session) {}", "plan may not import pg"),
            ("src/report/wal.rs", "use super::super::inspect::x;", "report may not import inspect"),
            ("src/report/wal.rs", "mod tests { use super::super::super::pg::x; }", "report may not import pg"),
            ("src/sandbox/mod.rs", "use super::{model::Lsn};", "sandbox may not import model"),
            ("src/pg/mod.rs", "use crate::*;", "* is not a room"),
            ("src/pg/mod.rs", "use super::*;", "* is not a room"),
            ("src/pg/mod.rs", "use crate as root;", "under another name"),
            ("src/pg/mod.rs", "use crate::{self as root};", "under another name"),
            ("src/pg/mod.rs", "extern crate self as root;", "under another name"),
            ("src/pg/mod.rs", "crate::shortcut!();", "shortcut is not a room"),
            ("src/notify/slack.rs", "use crate::ui::say;", "notify may not import ui"),
            ("src/cli.rs", "use crate::utils::x;", "utils is not a room"),
            ("src/model/slot.rs", "pub async fn f() {}", "model is pure: no async"),
            ("src/judge/slot.rs", "let f = async || x.await;", "judge is pure: no async"),
            ("src/pg/mod.rs", "use std::env;", "reads the environment"),
            ("src/pg/mod.rs", "use std::{env::var, fs};", "reads the environment"),
            ("src/commands/check.rs", "std::env::var(\"HOME\")", "reads the environment"),
            ("src/model/slot.rs", "::std::env::args()", "reads the environment"),
            ("src/model/slot.rs", "use std::*;", "reads the environment"),
            ("src/act/drop.rs", "jiff::Timestamp::now()", "reads the clock"),
            ("src/act/drop.rs", "let now = f.map_or_else(Zoned::now, g);", "reads the clock"),
            ("src/pg/session.rs", "std::time::SystemTime::now()", "reads the clock"),
            ("src/pg/session.rs", "use std::time::SystemTime as Watch;", "reads the clock"),
            ("src/sandbox/folder.rs", "Zoned::now()", "reads the clock"),
            ("src/inspect/ask.rs", "use tokio_postgres::Row;", "tokio_postgres is for pg only"),
            ("src/main.rs", "use {std::fs, tokio_postgres::NoTls};", "tokio_postgres is for pg only"),
            ("src/commands/history.rs", "sqlx::query(x)", "sqlx is for history only"),
            ("src/commands/check.rs", "println!(\"{x}\")", "only ui prints"),
            ("src/main.rs", "std::eprintln!(\"{x}\")", "only ui prints"),
            ("src/model/slot.rs", "dbg!(x)", "only ui prints"),
            ("src/render/human.rs", "writeln!(std::io::stdout(), \"x\")", "only ui prints"),
            ("src/render/human.rs", "use std::io::{self, Write, stderr};", "only ui prints"),
        ] {
            let reasons = reasons(path, source);
            assert!(reasons.contains(why), "{path}: {source}: {reasons:?}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        for (path, source) in [
            ("src/inspect/mod.rs", "use crate::{model::*, pg::{Query, Session}}; pub(crate) async fn f() {}"),
            ("src/pg/tls/name.rs", "use super::super::conninfo::Host; pub(in crate::pg) fn f() {}"),
            ("src/pg/session.rs", "let begun = Instant::now(); use tokio_postgres::Client;"),
            ("src/report/wal.rs", "mod tests { use super::super::gaps; use super::*; }"),
            ("src/model/slot.rs", "/// [`crate::pg`], not `println!`\nconst X: &str = \"crate::pg::x async\";"),
            ("src/sandbox/folder.rs", "SystemTime::now(); std::env::split_paths(x); use std::env::consts;"),
            ("src/sandbox/process.rs", "Command::new(x).stdout(Stdio::piped()).env(\"LC_ALL\", \"C\")"),
            ("src/commands/check.rs", "use crate::{act, cli, inspect, ui}; async fn run() {}"),
            ("src/main.rs", "use pgtend::cli; fn main() { std::env::args_os(); jiff::Zoned::now(); }"),
            ("src/ui/mod.rs", "println!(\"x\"); std::io::stdout().lock();"),
            ("src/model/mod.rs", "mod lsn; pub use lsn::Lsn; pub use self::slot::Slot;"),
        ] {
            assert_eq!(reasons(path, source), "", "{path}: {source}");
        }
    }
}
