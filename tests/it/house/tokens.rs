//! Rust text as words and marks, without comments and literals.

/// A word, `::`, or a single other mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word_letter)
    }
}

/// Splits a source. What stands in a comment, a string or a character is left out.
pub fn tokens(source: &str) -> Vec<Token> {
    let letters: Vec<char> = source.chars().collect();
    let mut reader = Reader { letters: &letters, at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(letter) = reader.peek(0) {
        let line = reader.line;
        match letter {
            '/' if reader.peek(1) == Some('/') => reader.skip_while(|it| it != '\n'),
            '/' if reader.peek(1) == Some('*') => reader.skip_block_comment(),
            '"' => reader.skip_string(),
            '\'' => reader.skip_character_or_tick(),
            _ if is_word_letter(letter) => {
                let text = reader.word();
                if let Some(hashes) = reader.raw_string_begins(&text) {
                    reader.skip_raw_string(hashes);
                } else if text == "r" && reader.peek(0) == Some('#') {
                    // A raw identifier: the name counts, whatever it is.
                    reader.step();
                } else if reader.peek(0) == Some('"') && ["b", "c"].contains(&text.as_str()) {
                    reader.skip_string();
                } else {
                    tokens.push(Token { line, text });
                }
            }
            ':' if reader.peek(1) == Some(':') => {
                reader.step();
                reader.step();
                tokens.push(Token { line, text: "::".to_owned() });
            }
            _ => {
                reader.step();
                if !letter.is_whitespace() {
                    tokens.push(Token { line, text: letter.to_string() });
                }
            }
        }
    }
    tokens
}

fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

struct Reader<'a> {
    letters: &'a [char],
    at: usize,
    line: usize,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn step(&mut self) -> Option<char> {
        let letter = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(letter == '\n');
        Some(letter)
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.step();
        }
    }

    fn word(&mut self) -> String {
        let begin = self.at;
        self.skip_while(is_word_letter);
        self.letters[begin..self.at].iter().collect()
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        while let Some(letter) = self.step() {
            match (letter, self.peek(0)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => continue,
            }
            self.step();
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.step();
        while let Some(letter) = self.step() {
            match letter {
                '\\' => drop(self.step()),
                '"' => return,
                _ => {}
            }
        }
    }

    /// The number of `#` when a raw string begins after its prefix.
    fn raw_string_begins(&self, prefix: &str) -> Option<usize> {
        let hashes = self.letters[self.at..].iter().take_while(|it| **it == '#').count();
        let begins = ["r", "br", "cr"].contains(&prefix) && self.peek(hashes) == Some('"');
        begins.then_some(hashes)
    }

    fn skip_raw_string(&mut self, hashes: usize) {
        for _ in 0..=hashes {
            self.step();
        }
        while let Some(letter) = self.step() {
            if letter == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.at += hashes;
                return;
            }
        }
    }

    /// `'a'` and `'\n'` end with a tick, the lifetime `'a` does not.
    fn skip_character_or_tick(&mut self) {
        self.step();
        if self.peek(0) == Some('\\') {
            self.step();
            self.step();
            self.skip_while(|it| it != '\'');
            self.step();
        } else if self.peek(1) == Some('\'') {
            self.step();
            self.step();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        tokens(source).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        for (source, left) in [
            ("a // crate::b\nc", "a c"),
            ("/// crate::b\nc", "c"),
            ("a /* b /* c */ d */ e", "a e"),
            (r#"f("crate::\"b") + b"x" + c"y""#, "f ( ) + +"),
            (r##"f(r#"a "b" c"#, br"x\") d"##, "f ( , ) d"),
            (r"f('a', '\'', '\u{7f}', '\\') b", "f ( , , , ) b"),
            ("fn f<'a>(x: &'a str) {}", "fn f < a > ( x : & a str ) { }"),
            ("r#async::b", "async :: b"),
            ("a::<b>::c", "a :: < b > :: c"),
        ] {
            assert_eq!(words(source), left, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_through_what_is_left_out() {
        let source = "/* \n */ \"\n\\\n\" r#\"\n\"# '\n' here";
        assert_eq!(tokens(source), [Token { line: 6, text: "here".to_owned() }]);
    }
}
