//! Words and commands for a POSIX shell.

use super::{is_connection_string, is_unprintable, quote_conninfo_value};
use std::fmt;

/// Quotes a word for a shell: without quotes if that is the same word, otherwise `'…'`, or `$'…'` if it contains
/// unprintable characters.
///
/// bash, zsh, ksh, BusyBox and POSIX.1-2024 (2.2.4 Dollar-Single-Quotes) support `$'…'`. A shell that does not support
/// it, such as dash, reads a different word, but still one word: no apostrophe and no pair of backslashes ends it
/// early. The word is always one line.
pub fn quote_shell(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte);
    // zsh replaces a word that starts with `=` by the path of a program.
    if !word.is_empty() && !word.starts_with('=') && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    if !word.contains(is_unprintable) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut quoted = String::from("$'");
    for c in word.chars() {
        if is_unprintable(c) || matches!(c, '\'' | '\\' | '!') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                quoted.push_str(&format!("\\{byte:03o}"));
            }
        } else {
            quoted.push(c);
        }
    }
    quoted.push('\'');
    quoted
}

/// Quotes a word that contains apostrophes with `"…"` if no character in it is special there; otherwise like
/// [`quote_shell`].
fn quote_shell_double(word: &str) -> String {
    if word.contains(|c| matches!(c, '$' | '`' | '"' | '\\' | '!') || is_unprintable(c)) {
        quote_shell(word)
    } else {
        format!("\"{word}\"")
    }
}

/// A command to paste into a shell: a fixed program with arguments. Variable arguments are always quoted and are never
/// interpreted as options, connection strings or several words.
///
/// Fixed text is `&'static str`, so that no name can be added unquoted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ShellCommand {
    words: Vec<String>,
    /// Arguments that start with a dash, and those after them: they follow `--`.
    operands: Vec<String>,
}

impl ShellCommand {
    /// Starts a command with fixed words, such as `pgtend slots drop`.
    pub fn new(words: &'static str) -> ShellCommand {
        ShellCommand { words: vec![words.to_owned()], operands: Vec::new() }
    }

    /// Adds fixed words, such as `--dry-run` or `--framework F`.
    pub fn arg(mut self, words: &'static str) -> ShellCommand {
        self.words.push(words.to_owned());
        self
    }

    /// Adds a long option with its value: `--option value`, or `--option=value` if the value starts with a dash.
    pub fn option(mut self, option: &'static str, value: &str) -> ShellCommand {
        if value.starts_with('-') {
            self.words.push(quote_shell(&format!("{option}={value}")));
        } else {
            self.words.extend([option.to_owned(), quote_shell(value)]);
        }
        self
    }

    /// Adds `-d` with a database name, as `-d "dbname='…'"` if the name alone would be interpreted as a connection
    /// string or an option.
    pub fn database(mut self, name: &str) -> ShellCommand {
        let value = if name.is_empty() || name.starts_with('-') || is_connection_string(name) {
            quote_shell_double(&format!("dbname={}", quote_conninfo_value(name)))
        } else {
            quote_shell(name)
        };
        self.words.extend(["-d".to_owned(), value]);
        self
    }

    /// Adds `-d` with a database name for pg_repack, which appends the value to `dbname=` without quoting it (pg_repack
    /// source, `bin/pgut/pgut-fe.c`, `reconnect`).
    pub fn repack_database(mut self, name: &str) -> ShellCommand {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let value = if !name.is_empty() && !name.starts_with('-') && name.bytes().all(is_plain) {
            name.to_owned()
        } else {
            quote_shell_double(&quote_conninfo_value(name))
        };
        self.words.extend(["-d".to_owned(), value]);
        self
    }

    /// Adds `-d` with a complete connection string.
    pub fn conninfo(mut self, conninfo: &str) -> ShellCommand {
        self.words.extend(["-d".to_owned(), quote_shell_double(conninfo)]);
        self
    }

    /// Adds an operand, such as a slot's name; one that starts with a dash follows `--`.
    pub fn operand(mut self, operand: &str) -> ShellCommand {
        let word = quote_shell(operand);
        if self.operands.is_empty() && !operand.starts_with('-') {
            self.words.push(word);
        } else {
            self.operands.push(word);
        }
        self
    }

    /// Adds a path; one that starts with a dash becomes `./-…`.
    pub fn path(mut self, path: &str) -> ShellCommand {
        self.words.push(if path.starts_with('-') { quote_shell(&format!("./{path}")) } else { quote_shell(path) });
        self
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))?;
        if !self.operands.is_empty() {
            write!(f, " -- {}", self.operands.join(" "))?;
        }
        Ok(())
    }
}

impl From<ShellCommand> for String {
    fn from(command: ShellCommand) -> String {
        command.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// Characters that are special in shells, and others.
    const HOSTILE_CHARACTERS: &str =
        "[a-z0-9 '\"\\\\$`!#*?~=;&|<>(){}\\[\\]%^\\-\n\t\r\u{1b}\u{7f}\u{85}\u{202e}\u{2028}éß🐘]{0,24}";

    /// Returns the arguments that a shell passes on, separated by a byte that no argument contains; `None` if the shell
    /// is not installed.
    fn shell_arguments(shell: &[&str], command: &str) -> Option<Vec<String>> {
        let script = format!("printf '%s\\0' {command}");
        let output = Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(script).output().ok()?;
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        Some(text.split_terminator('\0').map(str::to_owned).collect())
    }

    #[test]
    fn word_is_quoted_where_needed() {
        for (word, quoted) in [
            ("shop", "shop"),
            ("shop.orders", "shop.orders"),
            ("my db", "'my db'"),
            ("x; rm -rf ~", "'x; rm -rf ~'"),
            ("it's", "'it'\\''s'"),
            ("$(id)", "'$(id)'"),
            ("\"A\".b", "'\"A\".b'"),
            ("=ls", "'=ls'"),
            ("", "''"),
            ("a\nb", "$'a\\012b'"),
            ("\u{202e}'\\!\n7", "$'\\342\\200\\256\\047\\134\\041\\0127'"),
        ] {
            assert_eq!(quote_shell(word), quoted);
        }
    }

    #[test]
    fn database_is_never_a_connection_string_or_an_option() {
        for (name, shown) in [
            ("shop", "-d shop"),
            ("my db", "-d 'my db'"),
            ("host=evil dbname=x", "-d \"dbname='host=evil dbname=x'\""),
            ("postgresql://evil/x", "-d \"dbname='postgresql://evil/x'\""),
            ("postgres://evil/x", "-d \"dbname='postgres://evil/x'\""),
            ("POSTGRES://x", "-d POSTGRES://x"),
            ("-x", "-d \"dbname='-x'\""),
            ("a=$(id)", "-d 'dbname='\\''a=$(id)'\\'''"),
            ("a=\n", "-d $'dbname=\\047a=\\012\\047'"),
        ] {
            assert_eq!(ShellCommand::new("x").database(name).to_string(), format!("x {shown}"));
        }
    }

    #[test]
    fn repack_database_is_one_conninfo_value() {
        for (name, shown) in [
            ("shop", "-d shop"),
            ("a b", "-d \"'a b'\""),
            ("x host=evil", "-d \"'x host=evil'\""),
            ("it's", "-d ''\\''it\\'\\''s'\\'''"),
            ("-x", "-d \"'-x'\""),
        ] {
            assert_eq!(ShellCommand::new("x").repack_database(name).to_string(), format!("x {shown}"));
        }
    }

    #[test]
    fn leading_dash_is_no_option() {
        let command = ShellCommand::new("pgtend slots drop").operand("-x").operand("b").arg("--dry-run");
        assert_eq!(command.to_string(), "pgtend slots drop --dry-run -- -x b");
        assert_eq!(ShellCommand::new("x").operand("a").operand("b").to_string(), "x a b");
        assert_eq!(ShellCommand::new("x").option("--target", "-y").to_string(), "x --target=-y");
        assert_eq!(ShellCommand::new("x").option("--table", "a b").to_string(), "x --table 'a b'");
        assert_eq!(ShellCommand::new("x").path("-y").path("a/b c").to_string(), "x ./-y 'a/b c'");
    }

    #[test]
    fn interactive_bash_expands_no_history() {
        let word = "it's!x \"!!\" !$ \n!";
        let script = format!("echo x\nprintf '%s' {}\n", quote_shell(word));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script");
        std::fs::write(&path, script).expect("written");
        let input = std::fs::File::open(&path).expect("it is there");
        let bash = Command::new("bash").args(["--norc", "-o", "history", "-H"]).env_clear().stdin(input).output();
        let Ok(output) = bash else { return };
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("x\n{word}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn shell_word_is_unchanged(word in HOSTILE_CHARACTERS) {
            let quoted = quote_shell(&word);
            prop_assert!(!quoted.contains(is_unprintable), "{}", quoted);
            if let Some(words) = shell_arguments(&["bash", "--norc"], &quoted) {
                prop_assert_eq!(words, vec![word.clone()]);
            }
            // dash does not support $'…': it reads a different word, but one word.
            for shell in [&["sh"][..], &["dash"]] {
                if let Some(words) = shell_arguments(shell, &quoted) {
                    prop_assert_eq!(words.len(), 1);
                    prop_assert!(word.contains(is_unprintable) || words[0] == word, "{:?}", words);
                }
            }
        }

        #[test]
        fn shell_command_keeps_its_arguments(name in HOSTILE_CHARACTERS, slot in HOSTILE_CHARACTERS) {
            prop_assume!(!name.is_empty() && !slot.is_empty());
            let command = ShellCommand::new("x").database(&name).option("--table", &name).operand(&slot).to_string();
            let Some(words) = shell_arguments(&["bash", "--norc"], &command) else { return Ok(()) };
            prop_assert_eq!(&words[..2], ["x", "-d"]);
            if words[2] == name {
                prop_assert!(!name.starts_with('-') && !is_connection_string(&name));
            } else {
                prop_assert_eq!(&words[2], &format!("dbname={}", quote_conninfo_value(&name)));
            }
            prop_assert_eq!(words.last(), Some(&slot));
        }
    }
}
