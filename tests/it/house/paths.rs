//! The paths a source names, `use` groups spelled out.

use super::tokens::{Token, tokens};

/// `crate::a::b`, wherever it stands: in a `use`, an expression, a type, a visibility.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
    /// The name `as` gives it.
    pub alias: Option<String>,
}

/// Every path of a source that lies at `path` inside the crate. `super` and `self` are resolved, so
/// that what leaves the file's own module begins with `crate`.
pub fn paths(path: &str, source: &str) -> Vec<Named> {
    let tokens = tokens(source);
    let mut walk = Walk { tokens: &tokens, at: 0, module: module(path), inline: Vec::new(), depth: 0, found: vec![] };
    while walk.at < tokens.len() {
        walk.step();
    }
    walk.found
}

/// `src/pg/connect/error.rs` is `pg::connect::error`.
fn module(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let mut names: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let last = names.last().map(String::as_str);
    if last == Some("mod") || (names.len() == 1 && matches!(last, Some("lib" | "main"))) {
        names.pop();
    }
    names
}

struct Walk<'a> {
    tokens: &'a [Token],
    at: usize,
    module: Vec<String>,
    /// The brace depth at which each inline module began.
    inline: Vec<usize>,
    depth: usize,
    found: Vec<Named>,
}

impl Walk<'_> {
    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text.as_str())
    }

    fn step(&mut self) {
        match self.text(0) {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.module.pop();
                }
            }
            "mod" if self.text(2) == "{" => {
                self.module.push(self.text(1).to_owned());
                self.inline.push(self.depth);
                self.at += 1;
            }
            // `extern crate self as name`: the whole crate, as a crate beside the others.
            "crate" if self.text(1) == "self" => {
                let line = self.tokens[self.at].line;
                self.at += 2;
                return self.add(line, vec!["crate".to_owned()]);
            }
            _ if self.tokens[self.at].is_word() => return self.tree(&[]),
            _ => {}
        }
        self.at += 1;
    }

    /// A path or a `use` tree, from its first word on.
    fn tree(&mut self, before: &[String]) {
        let line = self.tokens[self.at].line;
        let mut segments = before.to_vec();
        loop {
            segments.push(self.text(0).to_owned());
            self.at += 1;
            let goes_on = self.text(0) == "::" && self.tokens.get(self.at + 1).is_some_and(Token::is_word);
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        match (self.text(0), self.text(1)) {
            ("::", "{") => {
                self.at += 1;
                self.group(&segments);
            }
            ("::", "*") => {
                self.at += 2;
                segments.push("*".to_owned());
                self.add(line, segments);
            }
            _ => self.add(line, segments),
        }
    }

    /// The group of a `use`, from its `{` on; `before` stands before each of its parts.
    fn group(&mut self, before: &[String]) {
        self.at += 1;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "}" => {
                    self.at += 1;
                    return;
                }
                "{" => self.group(before),
                "*" => {
                    let line = self.tokens[self.at].line;
                    self.at += 1;
                    self.add(line, before.iter().cloned().chain(["*".to_owned()]).collect());
                }
                _ if self.tokens[self.at].is_word() => self.tree(before),
                _ => self.at += 1,
            }
        }
    }

    fn add(&mut self, line: usize, mut segments: Vec<String>) {
        let alias = (self.text(0) == "as").then(|| self.text(1).to_owned());
        if alias.is_some() {
            self.at += 2;
        }
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        if segments.first().is_some_and(|first| first == "super" || first == "self") && segments.len() > 1 {
            segments = self.absolute(&segments);
        }
        self.found.push(Named { line, segments, alias });
    }

    fn absolute(&self, segments: &[String]) -> Vec<String> {
        let mut module = self.module.clone();
        let mut rest = segments;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "super" => drop(module.pop()),
                "self" => {}
                _ => break,
            }
            rest = after;
        }
        ["crate".to_owned()].into_iter().chain(module).chain(rest.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(path: &str, source: &str) -> Vec<String> {
        let several = paths(path, source).into_iter().filter(|named| named.segments.len() > 1);
        several.map(|named| named.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_spelled_out() {
        let source = "use crate::{a::{b, c::*, self}, d as e, {f::g}};";
        let all = ["crate::a::b", "crate::a::c::*", "crate::a", "crate::d", "crate::f::g"];
        assert_eq!(spelled("src/x.rs", source), all);
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let source =
            "pub(in crate::a) fn f(x: &crate::b::T) -> Vec<crate::c::T> { crate::d::y::<u8>(); ::std::env::args() }";
        let all = ["crate::a", "crate::b::T", "crate::c::T", "crate::d::y", "std::env::args"];
        assert_eq!(spelled("src/x.rs", source), all);
    }

    #[test]
    fn super_is_followed_out_of_the_module() {
        for (path, source, absolute) in [
            ("src/pg/tls.rs", "super::query::Q", "crate::pg::query::Q"),
            ("src/pg/tls.rs", "super::super::model::T", "crate::model::T"),
            ("src/pg/mod.rs", "super::model::T", "crate::model::T"),
            ("src/pg.rs", "use super::{model::T};", "crate::model::T"),
            ("src/pg/tls.rs", "mod tests { use super::super::Q; }", "crate::pg::Q"),
            ("src/pg/tls.rs", "mod a { fn f() {} } use super::Q;", "crate::pg::Q"),
            ("src/pg/tls.rs", "mod a; fn f() { self::a::g() }", "crate::pg::tls::a::g"),
            ("src/lib.rs", "self::model::T", "crate::model::T"),
            ("src/pg.rs", "use super::*;", "crate::*"),
        ] {
            assert_eq!(spelled(path, source), [absolute], "{path}: {source}");
        }
    }
}
