//! The tests that SECURITY.md names.

use std::{collections::BTreeSet, fs, path::Path};

/// Returns the names of all functions below a folder that follow a test attribute.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source in UTF-8");
            let mut is_test = false;
            for line in source.lines().map(str::trim) {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                    found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
                    is_test = false;
                }
            }
        }
    }
}

/// Returns the tests in the last column of the page's tables.
fn named_tests(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let columns = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | ")).map(|(_, tests)| tests);
    columns.flat_map(|tests| tests.split(", ").map(|test| test.trim_matches('`'))).collect()
}

#[test]
fn security_names_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).expect("the page");
    let mut tests = BTreeSet::new();
    ["src", "tests/it"].iter().for_each(|folder| tests_below(&root.join(folder), &mut tests));
    let named = named_tests(&page);
    assert!(named.len() > 50, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|test| !tests.contains(**test)).collect();
    assert!(missing.is_empty(), "tests that do not exist: {missing:?}");
}

#[test]
fn security_rows_are_read() {
    let page = "| promise | test |\n| --- | --- |\n| no `x` | `one`, `two` |\n| text | none |\n";
    assert_eq!(named_tests(page), ["one", "two"]);
}
