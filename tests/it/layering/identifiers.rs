//! Names that the glossary of the project forbids: variable names without meaning, and words with a standard term.

use super::source_files;
use super::tokens::{Token, rust_tokens};

/// Variables are named after their values.
const EMPTY_NAMES: [&str; 8] = ["all", "at", "each", "here", "it", "one", "that", "this"];

/// Words with a standard term. Words with another technical meaning (a line, an answer of a server) are not listed.
const NON_STANDARD_WORDS: [&str; 42] = [
    "arrival",
    "arrivals",
    "beside",
    "chore",
    "deed",
    "deeds",
    "foremost",
    "gauge",
    "house",
    "inspect",
    "judge",
    "judged",
    "judgement",
    "keeper",
    "letter",
    "letters",
    "lever",
    "lineage",
    "look",
    "looks",
    "minded",
    "misfit",
    "night",
    "particulars",
    "past",
    "patience",
    "recall",
    "remembered",
    "roof",
    "scribe",
    "sight",
    "sighting",
    "spare",
    "standing",
    "stretch",
    "symptom",
    "tally",
    "told",
    "twins",
    "undone",
    "victim",
    "wish",
];

/// Phrases in which such a word has another meaning.
const STANDARD_PHRASES: [&[&str]; 3] = [&["look", "alike"], &["look", "alikes"], &["look", "up"]];

/// Returns the variables and declarations of a file that have a forbidden name.
fn identifier_violations(path: &str, source: &str) -> Vec<String> {
    let tokens = rust_tokens(source);
    let mut violations = Vec::new();
    for index in 0..tokens.len() {
        for name in bound_names(&tokens, index) {
            violations.push(format!("{path}:{}: a variable named {}", name.line, name.text));
        }
        if let Some((name, word)) = declared_word(&tokens, index) {
            violations.push(format!("{path}:{}: {} has the word {word}", name.line, name.text));
        }
    }
    violations
}

/// Returns the empty names that the pattern or parameter list after this token binds.
fn bound_names(tokens: &[Token], index: usize) -> Vec<&Token> {
    let text = |position: usize| tokens.get(position).map_or("", |token| token.text.as_str());
    let begin = index + 1;
    let end = match text(index) {
        "let" => end_of_pattern(tokens, begin, &["=", ";"]),
        "for" => end_of_pattern(tokens, begin, &["in"]),
        "|" if opens_closure(tokens, index) => end_of_pattern(tokens, begin, &["|"]),
        "fn" => return parameter_names(tokens, begin),
        _ => None,
    };
    let Some(end) = end else { return Vec::new() };
    let is_bound = |position: &usize| {
        let (before, after) = (text(position - 1), text(position + 1));
        let is_path_or_call = matches!(before, "." | "::") || matches!(after, "(" | "::" | "!");
        let is_field = after == ":" && matches!(before, "{" | ",");
        is_empty_name(&tokens[*position]) && !is_path_or_call && !is_field
    };
    // `|a, at: usize|` has a comma before the name as a field has: what follows a closure's comma is a parameter.
    let is_parameter = |position: &usize| text(index) == "|" && depth_between(tokens, begin, *position) == 0;
    let names = (begin..end).filter(|position| {
        is_bound(position) || is_parameter(position) && is_empty_name(&tokens[*position]) && text(position + 1) == ":"
    });
    names.map(|position| &tokens[position]).collect()
}

fn is_empty_name(token: &Token) -> bool {
    EMPTY_NAMES.contains(&token.text.as_str())
}

fn depth_between(tokens: &[Token], begin: usize, end: usize) -> i32 {
    tokens[begin..end].iter().map(|token| depth_change(&token.text)).sum()
}

fn depth_change(text: &str) -> i32 {
    match text {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

/// Returns the position of the first end mark outside brackets. `None` if the text before it is not a pattern.
fn end_of_pattern(tokens: &[Token], begin: usize, ends: &[&str]) -> Option<usize> {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(begin) {
        let text = token.text.as_str();
        if depth == 0 && ends.contains(&text) {
            return Some(position);
        }
        let is_arrow = text == "=" && tokens.get(position + 1).is_some_and(|next| next.text == ">");
        depth += depth_change(text);
        // `impl Trait for Type {` has a body and no `in`.
        let is_body = text == "{" && depth == 1 && ends == ["in"] && tokens[begin].text != "(";
        if depth < 0 || is_arrow || is_body || depth == 0 && text == ";" {
            return None;
        }
    }
    None
}

/// Returns whether this `|` begins a closure: it is in the position of an expression.
fn opens_closure(tokens: &[Token], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|position| &tokens[position]) else { return false };
    match before.text.as_str() {
        "move" | "return" | "else" | "in" => true,
        "|" => tokens.get(index.wrapping_sub(2)).is_some_and(|token| !token.is_word() && token.text != ")"),
        text => !before.is_word() && !matches!(text, ")" | "]" | "}" | "?"),
    }
}

/// Returns the empty names among the parameters of a function.
fn parameter_names(tokens: &[Token], begin: usize) -> Vec<&Token> {
    let Some(open) = (begin..tokens.len()).find(|position| tokens[*position].text == "(") else { return Vec::new() };
    let mut depth = 0;
    let mut names = Vec::new();
    for position in open..tokens.len() {
        depth += depth_change(&tokens[position].text);
        if depth == 0 {
            break;
        }
        if depth == 1 && is_empty_name(&tokens[position]) && tokens[position + 1].text == ":" {
            names.push(&tokens[position]);
        }
    }
    names
}

/// Returns the declared name after this token and the first of its words that has a standard term.
fn declared_word(tokens: &[Token], index: usize) -> Option<(&Token, String)> {
    let is_declaration =
        ["const", "enum", "fn", "mod", "static", "struct", "trait", "type"].contains(&tokens[index].text.as_str());
    let name = tokens.get(index + 1).filter(|name| is_declaration && name.is_word())?;
    let words = name_words(&name.text);
    let is_standard = |position: usize| {
        STANDARD_PHRASES.iter().any(|phrase| words[position..].iter().zip(*phrase).filter(|(a, b)| a == b).count() > 1)
    };
    let found = (0..words.len())
        .find(|position| NON_STANDARD_WORDS.contains(&words[*position].as_str()) && !is_standard(*position))?;
    Some((name, words[found].clone()))
}

/// Splits `snake_case`, `SCREAMING_CASE` and `CamelCase` into lower-case words.
fn name_words(name: &str) -> Vec<String> {
    let is_upper_case = !name.chars().any(char::is_lowercase);
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() && !is_upper_case {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("a word").extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn identifiers_are_standard() {
    let sources: Vec<_> =
        ["src", "tests", "crates", "benches"].iter().flat_map(|folder| source_files(folder, ".rs")).collect();
    assert!(sources.len() > 400, "only {} sources were read", sources.len());
    let violations: Vec<String> = sources.iter().flat_map(|(path, text)| identifier_violations(path, text)).collect();
    super::assert_none(&violations);
}

#[test]
fn identifiers_find_empty_variable_names() {
    for source in [
        "let it = 1;",
        "let (a, mut all): (u8, u8) = f();",
        "if let Some(at) = f() {}",
        "for (at, line) in lines {}",
        "for one in list {}",
        "list.map(|one| one + 1)",
        "list.map(|&it| it)",
        "list.fold(0, |sum, (_, one)| sum)",
        "let f = move |a: u8, at: usize| a;",
        "f(a || b, |it| it)",
        "match c { 'a' | 'b' | 'c' => f(|it| it), _ => 1 }",
        "fn f(a: u8, all: &[u8]) {}",
        "let Point { x: here } = point;",
        "let Point { x, at } = point;",
    ] {
        assert_eq!(identifier_violations("a.rs", source).len(), 1, "{source}");
    }
}

#[test]
fn identifiers_accept_other_uses_of_these_names() {
    for source in [
        "// let it = 1;",
        "let text = \"|it| let all = 1\";",
        "let format = position; let item = attribute;",
        "list.iter().all(|item| item.at == 1)",
        "let Point { at: position, .. } = point;",
        "let value = Point { at: 1 };",
        "impl Read for All { fn all(&self) {} }",
        "let any = a || b.all(c) || d;",
        "let kind = flags | all | other;",
        "matches!(c, 'a' | 'b' | 'c') || list.all(f)",
        "for item in list.all() {}",
    ] {
        assert_eq!(identifier_violations("a.rs", source), [""; 0], "{source}");
    }
}

#[test]
fn identifiers_find_non_standard_words() {
    for source in [
        "fn judge() {}",
        "mod deeds;",
        "struct NightReport;",
        "enum Victim {}",
        "const MAX_TALLY: u8 = 1;",
        "fn look_again() {}",
    ] {
        assert_eq!(identifier_violations("a.rs", source).len(), 1, "{source}");
    }
    for source in [
        "// fn judge() {}",
        "fn f() { \"struct Victim\" }",
        "fn nightly() {}",
        "fn look_up() {}",
        "struct LookAlike;",
        "fn judgemental() {}",
    ] {
        assert_eq!(identifier_violations("a.rs", source), [""; 0], "{source}");
    }
}
