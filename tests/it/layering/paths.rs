//! The paths that a source uses, with `use` groups expanded.

use super::tokens::{Token, rust_tokens};

/// A path `crate::a::b` in a `use`, an expression, a type or a visibility.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathUse {
    pub line: usize,
    pub segments: Vec<String>,
    /// The name after `as`.
    pub alias: Option<String>,
}

/// Returns every path of the source at `path` inside the crate. `super` and `self` are resolved, so that a path that
/// leaves the file's own module begins with `crate`.
pub fn used_paths(path: &str, source: &str) -> Vec<PathUse> {
    let tokens = rust_tokens(source);
    let mut walk = PathReader {
        tokens: &tokens,
        position: 0,
        module: module_path(path),
        inline: Vec::new(),
        depth: 0,
        found: vec![],
    };
    while walk.position < tokens.len() {
        walk.advance();
    }
    walk.found
}

/// Returns the module of a file: `src/postgres/connect/guard.rs` is `postgres::connect::guard`.
pub fn module_path(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let mut names: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let last = names.last().map(String::as_str);
    if last == Some("mod") || (names.len() == 1 && matches!(last, Some("lib" | "main"))) {
        names.pop();
    }
    names
}

struct PathReader<'a> {
    tokens: &'a [Token],
    position: usize,
    module: Vec<String>,
    /// The brace depth at which each inline module began.
    inline: Vec<usize>,
    depth: usize,
    found: Vec<PathUse>,
}

impl PathReader<'_> {
    fn token_text(&self, ahead: usize) -> &str {
        self.tokens.get(self.position + ahead).map_or("", |token| token.text.as_str())
    }

    fn advance(&mut self) {
        match self.token_text(0) {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.module.pop();
                }
            }
            "mod" if self.token_text(2) == "{" => {
                self.module.push(self.token_text(1).to_owned());
                self.inline.push(self.depth);
                self.position += 1;
            }
            // `extern crate self as name`: the whole crate, as an external crate.
            "crate" if self.token_text(1) == "self" => {
                let line = self.tokens[self.position].line;
                self.position += 2;
                return self.add_path(line, vec!["crate".to_owned()]);
            }
            _ if self.tokens[self.position].is_word() => return self.read_tree(&[]),
            _ => {}
        }
        self.position += 1;
    }

    /// Reads a path or a `use` tree from its first word.
    fn read_tree(&mut self, before: &[String]) {
        let line = self.tokens[self.position].line;
        let mut segments = before.to_vec();
        loop {
            segments.push(self.token_text(0).to_owned());
            self.position += 1;
            let goes_on = self.token_text(0) == "::" && self.tokens.get(self.position + 1).is_some_and(Token::is_word);
            if !goes_on {
                break;
            }
            self.position += 1;
        }
        match (self.token_text(0), self.token_text(1)) {
            ("::", "{") => {
                self.position += 1;
                self.read_group(&segments);
            }
            ("::", "*") => {
                self.position += 2;
                segments.push("*".to_owned());
                self.add_path(line, segments);
            }
            _ => self.add_path(line, segments),
        }
    }

    /// Reads the group of a `use` from its `{`; `before` is the prefix of each of its parts.
    fn read_group(&mut self, before: &[String]) {
        self.position += 1;
        while self.position < self.tokens.len() {
            match self.token_text(0) {
                "}" => {
                    self.position += 1;
                    return;
                }
                "{" => self.read_group(before),
                "*" => {
                    let line = self.tokens[self.position].line;
                    self.position += 1;
                    self.add_path(line, before.iter().cloned().chain(["*".to_owned()]).collect());
                }
                _ if self.tokens[self.position].is_word() => self.read_tree(before),
                _ => self.position += 1,
            }
        }
    }

    fn add_path(&mut self, line: usize, mut segments: Vec<String>) {
        let alias = (self.token_text(0) == "as").then(|| self.token_text(1).to_owned());
        if alias.is_some() {
            self.position += 2;
        }
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        if segments.first().is_some_and(|first| first == "super" || first == "self") && segments.len() > 1 {
            segments = self.absolute_path(&segments);
        }
        self.found.push(PathUse { line, segments, alias });
    }

    fn absolute_path(&self, segments: &[String]) -> Vec<String> {
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

    fn path_texts(path: &str, source: &str) -> Vec<String> {
        let several = used_paths(path, source).into_iter().filter(|named| named.segments.len() > 1);
        several.map(|named| named.segments.join("::")).collect()
    }

    #[test]
    fn paths_groups_are_expanded() {
        let source = "use crate::{a::{b, c::*, self}, d as e, {f::g}};";
        let paths = ["crate::a::b", "crate::a::c::*", "crate::a", "crate::d", "crate::f::g"];
        assert_eq!(path_texts("src/x.rs", source), paths);
    }

    #[test]
    fn paths_are_found_everywhere() {
        let source =
            "pub(in crate::a) fn f(x: &crate::b::T) -> Vec<crate::c::T> { crate::d::y::<u8>(); ::std::env::args() }";
        let paths = ["crate::a", "crate::b::T", "crate::c::T", "crate::d::y", "std::env::args"];
        assert_eq!(path_texts("src/x.rs", source), paths);
    }

    #[test]
    fn paths_super_is_resolved() {
        for (path, source, absolute) in [
            ("src/postgres/name.rs", "super::query::Q", "crate::postgres::query::Q"),
            ("src/postgres/name.rs", "super::super::facts::T", "crate::facts::T"),
            ("src/postgres/mod.rs", "super::facts::T", "crate::facts::T"),
            ("src/postgres.rs", "use super::{facts::T};", "crate::facts::T"),
            ("src/postgres/name.rs", "mod tests { use super::super::Q; }", "crate::postgres::Q"),
            ("src/postgres/name.rs", "mod a { fn f() {} } use super::Q;", "crate::postgres::Q"),
            ("src/postgres/name.rs", "mod a; fn f() { self::a::g() }", "crate::postgres::name::a::g"),
            ("src/lib.rs", "self::facts::T", "crate::facts::T"),
            ("src/postgres.rs", "use super::*;", "crate::*"),
        ] {
            assert_eq!(path_texts(path, source), [absolute], "{path}: {source}");
        }
    }
}
