//! Phrases that are kept out of everything that users and maintainers read: reports, messages, help, pages and names.
//! The glossary of docs/glossary.md has the terms to use.

use std::fs;
use std::path::{Path, PathBuf};

/// Whole words and phrases, in lower case.
const PHRASES: [&str; 11] = [
    "nobody",
    "anybody",
    "whoever",
    "told",
    "anew",
    "deed",
    "victim",
    "keeper",
    "frees alone",
    "way back",
    "looked at again",
];

/// Folders and files with text of the project. Of the tests, only the expected reports. Not `migrations`: an applied
/// migration never changes.
const TEXTS: [&str; 16] = [
    ".ci/run",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "benches",
    "build.rs",
    "crates",
    "docker-compose.yml",
    "docs",
    "findings",
    "packaging",
    "queries",
    "src",
    "tests/it",
];

/// Lines in which a phrase has another meaning, by a part of the path and a part of the line.
const EXCEPTIONS: [(&str, &str); 4] = [
    // The Unix account.
    ("benches/rivals/server.py", "\"nobody\""),
    ("crates/pg-sandbox/src/account.rs", "`nobody`"),
    ("crates/pg-sandbox/src/account.rs", "\"nobody\""),
    ("crates/pg-sandbox/src/error.rs", "a user nobody"),
];

/// Returns the phrases that occur in a line as whole words.
fn forbidden_phrases(line: &str) -> Vec<&'static str> {
    let words: Vec<String> = line
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let is_in_line = |phrase: &&str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    };
    PHRASES.into_iter().filter(is_in_line).collect()
}

fn text_files(path: &Path, found: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        found.push(path.to_path_buf());
        return;
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for entry in entries {
        text_files(&entry.expect("an entry").path(), found);
    }
}

#[test]
fn language_has_no_mannered_phrases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    TEXTS.iter().for_each(|name| text_files(&root.join(name), &mut files));
    files.retain(|path| {
        let path = path.strip_prefix(root).expect("a path of the project").to_string_lossy();
        !path.starts_with("tests/") || path.ends_with(".snap")
    });
    files.sort();
    let mut found = Vec::new();
    for file in &files {
        let path = file.strip_prefix(root).expect("a path of the project").to_string_lossy();
        let text = fs::read(file).unwrap_or_else(|error| panic!("{path}: {error}"));
        for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
            let is_exception = EXCEPTIONS.iter().any(|(place, part)| path.contains(place) && line.contains(part));
            for phrase in forbidden_phrases(line).into_iter().filter(|_| !is_exception) {
                found.push(format!("{path}:{}: {phrase:?}", number + 1));
            }
        }
    }
    assert!(files.len() > 500, "{} files", files.len());
    assert!(found.is_empty(), "{} phrases:\n{}", found.len(), found.join("\n"));
}

#[test]
fn language_finds_whole_words_and_names() {
    assert_eq!(forbidden_phrases("Nobody told it."), ["nobody", "told"]);
    assert_eq!(forbidden_phrases("fn print_way_back() {}"), ["way back"]);
    assert_eq!(forbidden_phrases("what a drop frees alone"), ["frees alone"]);
    assert_eq!(forbidden_phrases("an indeed harmless threshold of renewed bookkeeper's"), Vec::<&str>::new());
}
