//! Rules that the compiler does not check: imports between layers, access to the clock and the environment, files that
//! send statements or print, and the text of queries.

mod cycles;
mod debug_text;
mod file_sizes;
mod identifiers;
pub mod imports;
mod lookups;
mod paths;
mod promises;
mod queries;
mod quoting;
mod registry;
mod statements;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the path in the crate and the text of every file below a folder whose name ends with `ending`, sorted.
fn source_files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push((path_in_crate(&path, root), read_source(&path)));
            }
        }
    }
    found.sort();
    found
}

fn path_in_crate(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).expect("a path of the crate").to_string_lossy().into_owned()
}

fn read_source(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn layering_imports_follow_the_layers() {
    let sources = source_files("src", ".rs");
    assert!(sources.len() > 50, "only {} sources were found", sources.len());
    let violations: Vec<String> =
        sources.iter().flat_map(|(path, text)| imports::import_violations(path, text)).collect();
    assert_none(&violations);
}

#[test]
fn queries_have_header_and_qualified_catalogs() {
    let registry = source_files("src/collect", "queries.rs").remove(0).1;
    let texts = source_files("queries", "");
    assert!(texts.len() > 20, "only {} queries were read", texts.len());
    let violations: Vec<String> =
        texts.iter().flat_map(|(path, text)| queries::query_violations(path, text, &registry)).collect();
    assert_none(&violations);
}

#[test]
fn queries_look_up_names_in_pg_catalog_only() {
    let texts = source_files("queries", "");
    let violations: Vec<String> =
        texts.iter().flat_map(|(path, text)| lookups::lookup_violations(path, text)).collect();
    assert_none(&violations);
    assert_none(&lookups::different_checks(&texts));
}

#[test]
fn statements_are_sent_from_listed_files() {
    let sources = source_files("src", ".rs");
    let violations: Vec<String> =
        sources.iter().flat_map(|(path, text)| statements::statement_violations(path, text)).collect();
    assert_none(&violations);
}

#[test]
fn quotes_are_made_in_one_module() {
    let sources = source_files("src", ".rs");
    let violations: Vec<String> =
        sources.iter().flat_map(|(path, text)| quoting::quoting_violations(path, text)).collect();
    assert_none(&violations);
}

#[test]
fn messages_hold_no_debug_text() {
    let sources = source_files("src", ".rs");
    let violations: Vec<String> =
        sources.iter().flat_map(|(path, text)| debug_text::debug_text_violations(path, text)).collect();
    assert_none(&violations);
}
