//! Replaces passwords and other secrets in text that pgtend prints, logs or sends.
//!
//! Every secret is registered when it is read ([`register`]). Text of others (a server, a webhook, the stderr of a
//! command, a driver) passes through [`foreign`] where it enters the program; everything written to stderr passes
//! through [`own`] as well. Data of a report (names of objects) is not rewritten: a table with the same name as the
//! password is shown.
//!
//! | length of the secret | in foreign text | in pgtend's own text |
//! | --- | --- | --- |
//! | 1 to 3 bytes | as a whole word | not replaced |
//! | 4 to 7 bytes | anywhere | as a whole word |
//! | 8 bytes and more | anywhere | anywhere |
//!
//! In pgtend's own text, a secret that equals a role, database or host name of the connection is not replaced: these
//! names are shown intentionally. A secret is found unencoded, percent-encoded, with the escapes of JSON, Rust,
//! conninfo strings and SQL (`\'`, `''`), and from 8 bytes on in hexadecimal and base64.

pub mod process_list;

mod encoding;
mod typed;

pub use typed::{PasswordIn, passwords_in};

use encoding::{View, base64_cores, hexadecimal};
use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    ops::Range,
    sync::{PoisonError, RwLock},
};

/// Replacement for a secret.
pub const MARK: &str = "…";

/// Length in bytes from which a secret is replaced anywhere in foreign text; a shorter one only as a whole word.
const SHORT: usize = 4;

/// Length in bytes from which a secret is replaced anywhere in pgtend's own text; a shorter one only as a whole word.
const MEDIUM: usize = 8;

/// Number of short-lived secrets that are stored; `--jobs` allows 32 concurrent connections.
const SHORT_LIVED: usize = 64;

static PROCESS: RwLock<Redactor> = RwLock::new(Redactor::new());

/// Registers a secret of this process. An empty one is ignored.
pub fn register(secret: &str) {
    with_process(|redactor| redactor.register(secret));
}

/// Registers a secret that is soon replaced by another one, such as a login token: the last 64 are stored.
pub fn register_short_lived(secret: &str) {
    with_process(|redactor| redactor.register_short_lived(secret));
}

/// Registers a role, database or host name, which pgtend's own messages show even if it equals a secret.
pub fn register_name(name: &str) {
    with_process(|redactor| redactor.register_name(name));
}

/// Registers the passwords of the command line, each with the text around it: an argument in the wrong position may not
/// be a password.
pub fn register_arguments(arguments: impl Iterator<Item = String>) {
    with_process(|redactor| arguments.for_each(|argument| redactor.register_argument(&argument)));
}

/// Returns text of another program without the secrets of this process.
pub fn foreign(text: &str) -> Cow<'_, str> {
    PROCESS.read().unwrap_or_else(PoisonError::into_inner).foreign(text)
}

/// Returns text of pgtend without the secrets of this process.
pub fn own(text: &str) -> Cow<'_, str> {
    PROCESS.read().unwrap_or_else(PoisonError::into_inner).own(text)
}

/// Returns data of a report that is printed to stderr, such as a plan: names of objects are unchanged, passwords from
/// the command line are replaced.
pub fn data(text: &str) -> Cow<'_, str> {
    PROCESS.read().unwrap_or_else(PoisonError::into_inner).replace(text, std::iter::empty())
}

fn with_process(change: impl FnOnce(&mut Redactor)) {
    change(&mut PROCESS.write().unwrap_or_else(PoisonError::into_inner));
}

/// A set of secrets.
#[derive(Default)]
struct Redactor {
    secrets: BTreeSet<String>,
    short_lived: VecDeque<String>,
    names: BTreeSet<String>,
    arguments: Vec<Pattern>,
}

/// A text to find, and the part of it that is the secret.
#[derive(PartialEq, Eq)]
struct Pattern {
    text: String,
    secret: Range<usize>,
    whole_word: bool,
}

impl Pattern {
    fn new(text: &str, whole_word: bool) -> Pattern {
        Pattern { text: text.to_owned(), secret: 0..text.len(), whole_word }
    }

    /// Returns the same text as printed on terminals: control characters are escaped, backslashes are not. `None` if it
    /// has no control character.
    fn as_shown(&self) -> Option<Pattern> {
        let shown = |text: &str| -> String {
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
        };
        if !self.text.contains(char::is_control) {
            return None;
        }
        let start = shown(&self.text[..self.secret.start]).len();
        let end = start + shown(&self.text[self.secret.clone()]).len();
        Some(Pattern { text: shown(&self.text), secret: start..end, whole_word: self.whole_word })
    }

    /// Finds the text in every view of a message; the first view is the message itself.
    fn find_in_all(&self, views: &[View<'_>], found: &mut Vec<Range<usize>>) {
        views.iter().for_each(|view| self.find_in(view, found));
        if let (Some(shown), Some(message)) = (self.as_shown(), views.first()) {
            shown.find_in(message, found);
        }
    }

    fn find_in(&self, view: &View<'_>, found: &mut Vec<Range<usize>>) {
        let text = view.text();
        let mut from = 0;
        while let Some(position) = text.get(from..).and_then(|rest| rest.find(&self.text)) {
            let start = from + position;
            if !self.whole_word || is_whole_word(text, start..start + self.text.len()) {
                found.push(view.original(start + self.secret.start..start + self.secret.end));
            }
            // Advances by one character only: occurrences of the same secret may overlap.
            from = start + text[start..].chars().next().map_or(1, char::len_utf8);
        }
    }
}

impl Redactor {
    const fn new() -> Redactor {
        Redactor {
            secrets: BTreeSet::new(),
            short_lived: VecDeque::new(),
            names: BTreeSet::new(),
            arguments: Vec::new(),
        }
    }

    fn register(&mut self, secret: &str) {
        if !secret.is_empty() && !self.secrets.contains(secret) {
            self.secrets.insert(secret.to_owned());
        }
    }

    fn register_short_lived(&mut self, secret: &str) {
        if secret.is_empty() || self.short_lived.iter().any(|known| known == secret) {
            return;
        }
        if self.short_lived.len() == SHORT_LIVED {
            self.short_lived.pop_front();
        }
        self.short_lived.push_back(secret.to_owned());
    }

    fn register_name(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    fn register_argument(&mut self, argument: &str) {
        for PasswordIn { before, password, after } in passwords_in(argument) {
            let text = format!("{before}{password}{after}");
            let secret = before.len()..before.len() + password.len();
            self.arguments.push(Pattern { text, secret, whole_word: false });
        }
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        self.secrets.iter().chain(&self.short_lived)
    }

    fn foreign<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, self.all().map(|secret| (secret.as_str(), secret.len() < SHORT)))
    }

    fn own<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let hidden = self.all().filter(|secret| secret.len() >= SHORT && !self.names.contains(*secret));
        self.replace(text, hidden.map(|secret| (secret.as_str(), secret.len() < MEDIUM)))
    }

    fn replace<'a, 'b>(&self, text: &'a str, secrets: impl Iterator<Item = (&'b str, bool)>) -> Cow<'a, str> {
        let views = View::all(text);
        let mut found = Vec::new();
        for (secret, whole_word) in secrets {
            let pattern = Pattern::new(secret, whole_word);
            pattern.find_in_all(&views, &mut found);
            if secret.len() >= MEDIUM {
                for encoded in base64_cores(secret.as_bytes()).into_iter().chain(hexadecimal(secret.as_bytes())) {
                    Pattern::new(&encoded, false).find_in(&views[0], &mut found);
                }
            }
        }
        for pattern in &self.arguments {
            pattern.find_in_all(&views, &mut found);
        }
        without(text, found)
    }
}

fn is_whole_word(text: &str, range: Range<usize>) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    !before.is_some_and(is_part) && !after.is_some_and(is_part)
}

/// Replaces the ranges; overlapping and adjacent ones get one replacement.
fn without(text: &str, mut ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut clean = String::with_capacity(text.len());
    let mut end = 0;
    for (position, range) in ranges.iter().enumerate() {
        if position == 0 || range.start > end {
            clean.push_str(&text[end..range.start]);
            clean.push_str(MARK);
        }
        end = end.max(range.end);
    }
    clean.push_str(&text[end..]);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests;
