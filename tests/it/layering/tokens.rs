//! Rust source as words and marks, without comments and literals.

/// A word, `::`, or a single other mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word_char)
    }
}

/// Splits a source. Comments, strings and characters are omitted.
pub fn rust_tokens(source: &str) -> Vec<Token> {
    let letters: Vec<char> = source.chars().collect();
    let mut reader = Reader { letters: &letters, position: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(letter) = reader.peek_char(0) {
        let line = reader.line;
        match letter {
            '/' if reader.peek_char(1) == Some('/') => reader.skip_while(|letter| letter != '\n'),
            '/' if reader.peek_char(1) == Some('*') => reader.skip_block_comment(),
            '"' => reader.skip_string(),
            '\'' => reader.skip_character_or_tick(),
            _ if is_word_char(letter) => {
                let text = reader.read_word();
                if let Some(hashes) = reader.raw_string_begins(&text) {
                    reader.skip_raw_string(hashes);
                } else if text == "r" && reader.peek_char(0) == Some('#') {
                    // A raw identifier: the name counts.
                    reader.next_char();
                } else if reader.peek_char(0) == Some('"') && ["b", "c"].contains(&text.as_str()) {
                    reader.skip_string();
                } else {
                    tokens.push(Token { line, text });
                }
            }
            ':' if reader.peek_char(1) == Some(':') => {
                reader.next_char();
                reader.next_char();
                tokens.push(Token { line, text: "::".to_owned() });
            }
            _ => {
                reader.next_char();
                if !letter.is_whitespace() {
                    tokens.push(Token { line, text: letter.to_string() });
                }
            }
        }
    }
    tokens
}

fn is_word_char(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

struct Reader<'a> {
    letters: &'a [char],
    position: usize,
    line: usize,
}

impl Reader<'_> {
    fn peek_char(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.position + ahead).copied()
    }

    fn next_char(&mut self) -> Option<char> {
        let letter = self.peek_char(0)?;
        self.position += 1;
        self.line += usize::from(letter == '\n');
        Some(letter)
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek_char(0).is_some_and(&wanted) {
            self.next_char();
        }
    }

    fn read_word(&mut self) -> String {
        let begin = self.position;
        self.skip_while(is_word_char);
        self.letters[begin..self.position].iter().collect()
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        while let Some(letter) = self.next_char() {
            match (letter, self.peek_char(0)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => continue,
            }
            self.next_char();
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.next_char();
        while let Some(letter) = self.next_char() {
            match letter {
                '\\' => drop(self.next_char()),
                '"' => return,
                _ => {}
            }
        }
    }

    /// Returns the number of `#` if a raw string begins after its prefix.
    fn raw_string_begins(&self, prefix: &str) -> Option<usize> {
        let hashes = self.letters[self.position..].iter().take_while(|mark| **mark == '#').count();
        let begins = ["r", "br", "cr"].contains(&prefix) && self.peek_char(hashes) == Some('"');
        begins.then_some(hashes)
    }

    fn skip_raw_string(&mut self, hashes: usize) {
        for _ in 0..=hashes {
            self.next_char();
        }
        while let Some(letter) = self.next_char() {
            if letter == '"' && (0..hashes).all(|ahead| self.peek_char(ahead) == Some('#')) {
                self.position += hashes;
                return;
            }
        }
    }

    /// `'a'` and `'
    /// '` end with a quote, the lifetime `'a` does not.
    fn skip_character_or_tick(&mut self) {
        self.next_char();
        if self.peek_char(0) == Some('\\') {
            self.next_char();
            self.next_char();
            self.skip_while(|letter| letter != '\'');
            self.next_char();
        } else if self.peek_char(1) == Some('\'') {
            self.next_char();
            self.next_char();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_words(source: &str) -> String {
        rust_tokens(source).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tokens_skip_comments_and_literals() {
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
            assert_eq!(token_words(source), left, "{source}");
        }
    }

    #[test]
    fn tokens_count_lines_of_skipped_text() {
        let source = "/* \n */ \"\n\\\n\" r#\"\n\"# '\n' here";
        assert_eq!(rust_tokens(source), [Token { line: 6, text: "here".to_owned() }]);
    }
}
