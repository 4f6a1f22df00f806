//! What a source of a room may name.

use super::paths::{PathUse, used_paths};
use super::tokens::rust_tokens;

/// The rooms, from the ground up, and what each may import beside itself.
pub const LAYERS: &[(&str, &[&str])] = &[
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
pub const TOP_LEVEL_MODULES: &[&str] = &[
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
pub const COMMANDS_MODULE: &str = "commands";

/// The rooms that are functions of values alone.
const PURE_LAYERS: &[&str] = &["redact", "model", "judge", "plan", "render", "report"];

/// The crates that one room keeps to itself.
const EXCLUSIVE_CRATES: &[(&str, &str)] = &[("tokio_postgres", "pg"), ("sqlx", "history")];

/// The types that tell the time. Folders of the sandbox are as old as the file system says.
const CLOCK_TYPES: &[(&str, &[&str])] = &[("SystemTime", &["sandbox"]), ("Timestamp", &[]), ("Zoned", &[])];

/// What `std::env` holds beside the environment.
const PURE_ENV: &[&str] = &["consts", "split_paths", "join_paths"];

const PRINT_MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Where the source at `path` breaks the rules, each as `path:line: why`.
pub fn import_violations(path: &str, source: &str) -> Vec<String> {
    let layer = path.strip_prefix("src/").unwrap_or(path).split(['/', '.']).next().unwrap_or_default();
    let is_top_level = TOP_LEVEL_MODULES.contains(&layer);
    if !is_top_level && layer != COMMANDS_MODULE && allowed_imports(layer).is_none() {
        return vec![format!("{path}: {layer} is not a room of the house; tests/it/house/rules.rs lists them")];
    }
    let mut found = Vec::new();
    let mut complain = |line: usize, why: String| found.push(format!("{path}:{line}: {why}"));
    for path_use in used_paths(path, source) {
        let reasons = [
            import_violation(layer, is_top_level, &path_use),
            exclusive_crate_violation(layer, &path_use),
            environment_violation(is_top_level, &path_use),
            clock_violation(layer, is_top_level, &path_use),
            output_violation(is_top_level, &path_use),
        ];
        reasons.into_iter().flatten().for_each(|why| complain(path_use.line, why));
    }
    let tokens = rust_tokens(source);
    for (at, token) in tokens.iter().enumerate() {
        if PURE_LAYERS.contains(&layer) && (token.text == "async" || token.text == "await") {
            complain(token.line, format!("{layer} is pure: no {}", token.text));
        }
        let called = tokens.get(at + 1).is_some_and(|next| next.text == "!");
        if layer != "ui" && called && PRINT_MACROS.contains(&token.text.as_str()) {
            complain(token.line, format!("only ui prints: no {}!", token.text));
        }
    }
    found
}

fn allowed_imports(layer: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, imports)| *imports)
}

fn import_violation(layer: &str, is_top_level: bool, path_use: &PathUse) -> Option<String> {
    if path_use.segments.first().map(String::as_str) != Some("crate") {
        return None;
    }
    // A lone `crate` is a visibility, unless it gets another name.
    let Some(target) = path_use.segments.get(1) else {
        return path_use.alias.is_some().then(|| "the whole crate under another name".to_owned());
    };
    let known =
        allowed_imports(target).is_some() || TOP_LEVEL_MODULES.contains(&target.as_str()) || target == COMMANDS_MODULE;
    if !known {
        return Some(format!("{target} is not a room of the house"));
    }
    let may = is_top_level
        || layer == COMMANDS_MODULE
        || target == layer
        || allowed_imports(layer)?.contains(&target.as_str());
    (!may).then(|| format!("{layer} may not import {target}"))
}

fn exclusive_crate_violation(layer: &str, path_use: &PathUse) -> Option<String> {
    let (name, owner) =
        EXCLUSIVE_CRATES.iter().find(|(name, _)| path_use.segments.iter().any(|segment| segment == name))?;
    (layer != *owner).then(|| format!("{name} is for {owner} only"))
}

fn environment_violation(is_top_level: bool, path_use: &PathUse) -> Option<String> {
    let mut segments = path_use.segments.iter().map(String::as_str);
    let reads = match (segments.next()?, segments.next()?) {
        ("std", "env") => !segments.next().is_some_and(|item| PURE_ENV.contains(&item)),
        ("std", "*") => true,
        _ => false,
    };
    (!is_top_level && reads).then(|| "only the roof reads the environment (std::env)".to_owned())
}

fn clock_violation(layer: &str, is_top_level: bool, path_use: &PathUse) -> Option<String> {
    let (kind, may) = CLOCK_TYPES.iter().find(|(kind, _)| path_use.segments.iter().any(|segment| segment == kind))?;
    // Under another name its `now` would not be recognised.
    let reads_clock = path_use.segments.last().is_some_and(|last| last == "now") || path_use.alias.is_some();
    let allowed = is_top_level || may.contains(&layer);
    (!allowed && reads_clock).then(|| format!("only the roof reads the clock ({kind}::now)"))
}

fn output_violation(is_top_level: bool, path_use: &PathUse) -> Option<String> {
    let mut last_two = path_use.segments.iter().rev().map(String::as_str);
    let (item, module) = (last_two.next()?, last_two.next()?);
    let handle = module == "io" && matches!(item, "stdout" | "stderr" | "Stdout" | "Stderr");
    (!is_top_level && handle).then(|| format!("only ui prints: no io::{item}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation_reasons(path: &str, source: &str) -> String {
        import_violations(path, source).join("; ")
    }

    #[test]
    fn import_violations_are_found() {
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
            let reasons = violation_reasons(path, source);
            assert!(reasons.contains(why), "{path}: {source}: {reasons:?}");
        }
    }

    #[test]
    fn import_rules_allow_valid_sources() {
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
            assert_eq!(violation_reasons(path, source), "", "{path}: {source}");
        }
    }
}
