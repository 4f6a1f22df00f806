//! What a source file of each layer may import and use.

use super::paths::{PathUse, used_paths};
use super::tokens::rust_tokens;

/// The layers, starting at the lowest, and the imports of each. A layer imports only layers above it in this list, so
/// that there are no cycles.
pub const LAYERS: &[(&str, Imports)] = &[
    ("units", Imports::Only(&[])),
    ("quote", Imports::Only(&[])),
    ("redact", Imports::Only(&[])),
    ("output_file", Imports::Only(&[])),
    ("message", Imports::Only(&["quote"])),
    ("facts", Imports::Only(&["units", "quote", "message"])),
    ("analysis", Imports::Only(&["units", "quote", "message", "facts"])),
    ("postgres", Imports::Only(&["units", "quote", "redact"])),
    ("collect", Imports::Only(&["units", "quote", "facts", "analysis", "postgres"])),
    ("history", Imports::Only(&["units", "redact", "facts", "analysis", "postgres"])),
    ("checks", Imports::Only(&["units", "quote", "message", "facts", "analysis"])),
    (
        "actions",
        Imports::Only(&["units", "quote", "output_file", "facts", "analysis", "postgres", "collect", "history"]),
    ),
    ("render", Imports::Only(&["units", "quote", "message"])),
    ("report", Imports::Only(&["units", "quote", "message", "facts", "analysis", "checks", "actions", "render"])),
    ("monitor", Imports::Only(&["redact", "facts", "history", "checks", "render", "report"])),
    (
        "config",
        Imports::Only(&["units", "redact", "facts", "analysis", "postgres", "collect", "history", "checks", "monitor"]),
    ),
    ("app", Imports::AllBelow),
    ("cli", Imports::AllBelow),
];

/// The roots of the library and of the program, which are in no layer.
pub const ROOT_FILES: &[&str] = &["lib", "main"];

/// The imports of a layer.
pub enum Imports {
    Only(&'static [&'static str]),
    AllBelow,
}

/// Layers and modules without `async`: pure functions.
const PURE_PATHS: &[&str] = &[
    "src/units/",
    "src/quote/",
    "src/redact/",
    "src/output_file/",
    "src/message",
    "src/facts/",
    "src/analysis/",
    "src/checks/",
    "src/actions/drop_slot/plan/",
    "src/actions/index_migration/plan/",
    "src/render/",
    "src/report/",
];

/// Crates that only one layer may use.
const EXCLUSIVE_CRATES: &[(&str, &str)] = &[("tokio_postgres", "postgres"), ("sqlx", "history")];

/// Files that read the process environment: arguments, variables, working directory.
const ENVIRONMENT_READERS: &[&str] =
    &["src/lib.rs", "src/main.rs", "src/app/", "src/cli/mod.rs", "src/redact/process_list.rs", "src/config/"];

/// Items of `std::env` that do not read the environment.
const PURE_ENV: &[&str] = &["consts", "split_paths", "join_paths"];

/// The types that read the clock.
const CLOCK_TYPES: &[&str] = &["SystemTime", "Timestamp", "Zoned"];
const CLOCK_READERS: &[&str] = &["src/lib.rs", "src/main.rs", "src/app/"];

/// Files that print and use the handles of stdout and stderr.
const PRINTERS: &[&str] = &["src/app/ui/"];
const OUTPUT_HANDLE_USERS: &[&str] = &["src/app/ui/", "src/lib.rs"];
const PRINT_MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Returns the violations in the source at `path`, each as `path:line: reason`.
pub fn import_violations(path: &str, source: &str) -> Vec<String> {
    let layer = path.strip_prefix("src/").unwrap_or(path).split(['/', '.']).next().unwrap_or_default();
    if layer_position(layer).is_none() && !ROOT_FILES.contains(&layer) {
        return vec![format!("{path}: {layer} is not a layer; tests/it/layering/imports.rs lists them")];
    }
    let mut found = Vec::new();
    let mut complain = |line: usize, reason: String| found.push(format!("{path}:{line}: {reason}"));
    for path_use in used_paths(path, source) {
        let reasons = [
            import_violation(layer, &path_use),
            exclusive_crate_violation(layer, &path_use),
            environment_violation(path, &path_use),
            clock_violation(path, &path_use),
            output_violation(path, &path_use),
        ];
        reasons.into_iter().flatten().for_each(|reason| complain(path_use.line, reason));
    }
    let tokens = rust_tokens(source);
    for (position, token) in tokens.iter().enumerate() {
        if is_in(path, PURE_PATHS) && (token.text == "async" || token.text == "await") {
            complain(token.line, format!("no {} here", token.text));
        }
        let is_macro = tokens.get(position + 1).is_some_and(|next| next.text == "!");
        if is_macro && PRINT_MACROS.contains(&token.text.as_str()) && !is_in(path, PRINTERS) {
            complain(token.line, format!("only app::ui prints: no {}!", token.text));
        }
    }
    found
}

/// Returns the layers whose list of imports names a layer that is not below it.
fn upward_imports(layers: &[(&str, Imports)]) -> Vec<String> {
    let mut below = Vec::new();
    let mut found = Vec::new();
    for (layer, imports) in layers {
        if let Imports::Only(imports) = imports {
            let upward = imports.iter().filter(|import| !below.contains(*import));
            found.extend(upward.map(|import| format!("{layer} imports {import}, which is not below it")));
        }
        below.push(layer);
    }
    found
}

fn is_in(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

fn layer_position(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|(name, _)| *name == layer)
}

fn import_violation(layer: &str, path_use: &PathUse) -> Option<String> {
    if path_use.segments.first().map(String::as_str) != Some("crate") {
        return None;
    }
    // `crate` alone is a visibility, unless it is renamed.
    let Some(target) = path_use.segments.get(1) else {
        return path_use.alias.is_some().then(|| "the whole crate under another name".to_owned());
    };
    let position = layer_position(layer)?;
    let Some(target_position) = layer_position(target) else {
        return Some(format!("{target} is not a layer"));
    };
    let is_allowed = match &LAYERS[position].1 {
        Imports::AllBelow => target_position <= position,
        Imports::Only(imports) => target == layer || imports.contains(&target.as_str()),
    };
    (!is_allowed).then(|| format!("{layer} may not import {target}"))
}

fn exclusive_crate_violation(layer: &str, path_use: &PathUse) -> Option<String> {
    let (name, owner) =
        EXCLUSIVE_CRATES.iter().find(|(name, _)| path_use.segments.iter().any(|segment| segment == name))?;
    (layer != *owner).then(|| format!("{name} is for {owner} only"))
}

fn environment_violation(path: &str, path_use: &PathUse) -> Option<String> {
    let mut segments = path_use.segments.iter().map(String::as_str);
    let reads = match (segments.next()?, segments.next()?) {
        ("std", "env") => !segments.next().is_some_and(|item| PURE_ENV.contains(&item)),
        ("std", "*") => true,
        _ => false,
    };
    (reads && !is_in(path, ENVIRONMENT_READERS)).then(|| "only app reads the environment (std::env)".to_owned())
}

fn clock_violation(path: &str, path_use: &PathUse) -> Option<String> {
    let kind = CLOCK_TYPES.iter().find(|kind| path_use.segments.iter().any(|segment| segment == *kind))?;
    // With an alias, a later call of `now` would not be recognized.
    let reads_clock = path_use.segments.last().is_some_and(|last| last == "now") || path_use.alias.is_some();
    (reads_clock && !is_in(path, CLOCK_READERS)).then(|| format!("only app reads the clock ({kind}::now)"))
}

fn output_violation(path: &str, path_use: &PathUse) -> Option<String> {
    let mut last_two = path_use.segments.iter().rev().map(String::as_str);
    let (item, module) = (last_two.next()?, last_two.next()?);
    let is_handle = module == "io" && matches!(item, "stdout" | "stderr" | "Stdout" | "Stderr");
    (is_handle && !is_in(path, OUTPUT_HANDLE_USERS)).then(|| format!("only app::ui prints: no io::{item}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation_reasons(path: &str, source: &str) -> String {
        import_violations(path, source).join("; ")
    }

    #[test]
    fn layers_import_only_layers_below() {
        assert_eq!(upward_imports(LAYERS), [""; 0]);
        let layers = [("a", Imports::Only(&["b"])), ("b", Imports::Only(&["a"])), ("c", Imports::AllBelow)];
        assert_eq!(upward_imports(&layers), ["a imports b, which is not below it"]);
        assert_eq!(upward_imports(&[("a", Imports::Only(&["a"]))]).len(), 1);
    }

    #[test]
    fn import_violations_are_found() {
        for (path, source, reason) in [
            ("src/util/mod.rs", "", "util is not a layer"),
            ("src/helpers.rs", "", "helpers is not a layer"),
            ("src/bin/tool.rs", "", "bin is not a layer"),
            ("src/units/lsn.rs", "use crate::facts::Slot;", "units may not import facts"),
            ("src/facts/slot.rs", "use crate::postgres::Query;", "facts may not import postgres"),
            ("src/facts/slot.rs", "use crate::{units::Lsn, render};", "facts may not import render"),
            (
                "src/render/cell.rs",
                "use crate::{units::{Lsn, Bytes}, {report::{a, b}}};",
                "render may not import report",
            ),
            ("src/checks/mod.rs", "fn f() { crate::collect::collect_snapshot() }", "checks may not import collect"),
            ("src/analysis/mod.rs", "fn f(x: &crate::postgres::Session) {}", "analysis may not import postgres"),
            ("src/report/wal.rs", "use super::super::collect::x;", "report may not import collect"),
            (
                "src/report/wal.rs",
                "mod tests { use super::super::super::postgres::x; }",
                "report may not import postgres",
            ),
            ("src/quote/mod.rs", "use super::{facts::Slot};", "quote may not import facts"),
            ("src/postgres/mod.rs", "use crate::*;", "* is not a layer"),
            ("src/postgres/mod.rs", "use super::*;", "* is not a layer"),
            ("src/postgres/mod.rs", "use crate as root;", "under another name"),
            ("src/postgres/mod.rs", "use crate::{self as root};", "under another name"),
            ("src/postgres/mod.rs", "extern crate self as root;", "under another name"),
            ("src/postgres/mod.rs", "crate::shortcut!();", "shortcut is not a layer"),
            ("src/monitor/notify/slack.rs", "use crate::app::ui::Ui;", "monitor may not import app"),
            ("src/config/mod.rs", "use crate::cli::filter::x;", "config may not import cli"),
            ("src/app/mod.rs", "use crate::cli::Cli;", "app may not import cli"),
            ("src/cli/mod.rs", "use crate::utils::x;", "utils is not a layer"),
            ("src/facts/slot.rs", "pub async fn f() {}", "no async here"),
            ("src/checks/mod.rs", "let f = async || x.await;", "no async here"),
            ("src/message.rs", "async fn f() {}", "no async here"),
            ("src/actions/drop_slot/plan/mod.rs", "async fn f() {}", "no async here"),
            ("src/postgres/mod.rs", "use std::env;", "reads the environment"),
            ("src/postgres/mod.rs", "use std::{env::var, fs};", "reads the environment"),
            ("src/cli/check/mod.rs", "std::env::var(\"HOME\")", "reads the environment"),
            ("src/redact/mod.rs", "std::env::args()", "reads the environment"),
            ("src/facts/slot.rs", "::std::env::args()", "reads the environment"),
            ("src/facts/slot.rs", "use std::*;", "reads the environment"),
            ("src/actions/recover.rs", "jiff::Timestamp::now()", "reads the clock"),
            ("src/cli/audit.rs", "let now = f.map_or_else(Zoned::now, g);", "reads the clock"),
            ("src/postgres/session/mod.rs", "std::time::SystemTime::now()", "reads the clock"),
            ("src/postgres/session/mod.rs", "use std::time::SystemTime as Watch;", "reads the clock"),
            ("src/output_file/mod.rs", "Zoned::now()", "reads the clock"),
            ("src/collect/fetch.rs", "use tokio_postgres::Row;", "tokio_postgres is for postgres only"),
            ("src/main.rs", "use {std::fs, tokio_postgres::NoTls};", "tokio_postgres is for postgres only"),
            ("src/cli/history/mod.rs", "sqlx::query(x)", "sqlx is for history only"),
            ("src/cli/check/mod.rs", "println!(\"{x}\")", "only app::ui prints"),
            ("src/app/mod.rs", "println!(\"{x}\")", "only app::ui prints"),
            ("src/main.rs", "std::eprintln!(\"{x}\")", "only app::ui prints"),
            ("src/facts/slot.rs", "dbg!(x)", "only app::ui prints"),
            ("src/render/human.rs", "writeln!(std::io::stdout(), \"x\")", "only app::ui prints"),
            ("src/render/human.rs", "use std::io::{self, Write, stderr};", "only app::ui prints"),
        ] {
            let reasons = violation_reasons(path, source);
            assert!(reasons.contains(reason), "{path}: {source}: {reasons:?}");
        }
    }

    #[test]
    fn import_rules_allow_valid_sources() {
        for (path, source) in [
            ("src/collect/mod.rs", "use crate::{facts::*, postgres::{Query, Session}}; pub(crate) async fn f() {}"),
            ("src/postgres/tls/name.rs", "use super::super::conninfo::Host; pub(in crate::postgres) fn f() {}"),
            ("src/postgres/session/mod.rs", "let begun = Instant::now(); use tokio_postgres::Client;"),
            ("src/report/wal/mod.rs", "mod tests { use super::super::gaps; use super::*; }"),
            ("src/facts/slot.rs", "/// [`crate::cli`], not `println!`\nconst X: &str = \"crate::cli::x async\";"),
            ("src/output_file/mod.rs", "std::env::split_paths(x); use std::env::consts;"),
            ("src/config/password.rs", "Command::new(x).stdout(Stdio::piped()).env(\"LC_ALL\", \"C\")"),
            ("src/cli/check/mod.rs", "use crate::{actions, app, collect}; async fn run() {}"),
            ("src/actions/recover.rs", "async fn run() {}"),
            ("src/main.rs", "use pgtend::cli; fn main() { std::env::args_os(); jiff::Zoned::now(); }"),
            ("src/app/ui/mod.rs", "println!(\"x\"); std::io::stdout().lock();"),
            ("src/units/mod.rs", "mod lsn; pub use lsn::Lsn; pub use self::bytes::Bytes;"),
        ] {
            assert_eq!(violation_reasons(path, source), "", "{path}: {source}");
        }
    }
}
