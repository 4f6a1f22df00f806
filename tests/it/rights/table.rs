//! The table of docs/privileges.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{MissingFacts, RoleKind};
use crate::clusters::print_stderr;

const BEGIN: &str =
    "<!-- what each role can read: made by `PGTEND_TEST_MAJORS=all UPDATE_DOCS=1 cargo test rights` -->\n";
const END: &str = "<!-- end -->\n";
const MAJORS: usize = 7;

/// Compares the results with the page; the table needs the results of all majors.
pub fn compare_with_readme(roles: &[RoleKind], found: &BTreeMap<&'static str, MissingFacts>, majors: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/privileges.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("a mark where the table begins");
    let (written, after) = rest.split_once(END).expect("a mark where the table ends");
    let table = table_lines(roles, found);
    if majors < MAJORS {
        // A fact may be missing on one major only, so that fewer majors give a subset of the table.
        for line in table.lines().skip(2) {
            let fact = line.split('|').nth(1).expect("a fact");
            assert!(
                written.lines().any(|written| written.split('|').nth(1) == Some(fact)),
                "missing in docs/privileges.md: {line}"
            );
        }
        return print_stderr(
            "rights: a part of the table in docs/privileges.md is compared: not all majors were selected",
        );
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("the page is written");
        return;
    }
    assert_eq!(
        written, table,
        "the table of docs/privileges.md differs: run PGTEND_TEST_MAJORS=all UPDATE_DOCS=1 cargo test rights"
    );
}

fn table_lines(roles: &[RoleKind], found: &BTreeMap<&'static str, MissingFacts>) -> String {
    let mut facts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (command, fact) in found.values().flatten() {
        facts.entry(fact).or_default().insert(command);
    }
    let titles: Vec<_> = roles.iter().map(|role| role.title).collect();
    let mut table = format!("| fact | in | {} |\n| --- | --- |{}\n", titles.join(" | "), " --- |".repeat(roles.len()));
    for (fact, commands) in facts {
        let cell = |role: &RoleKind| {
            let misses = found.get(role.name).is_some_and(|missing| missing.iter().any(|(_, name)| name == fact));
            if misses { "–" } else { "yes" }
        };
        let cells: Vec<_> = roles.iter().map(cell).collect();
        let commands: Vec<_> = commands.iter().map(|command| format!("`{command}`")).collect();
        table += &format!("| {fact} | {} | {} |\n", commands.join(", "), cells.join(" | "));
    }
    table
}
