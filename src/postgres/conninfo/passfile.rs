//! The password file (PostgreSQL manual, 34.16).

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Origin, Password};
use crate::postgres::read_connection_file;

/// The password file, and which of its lines apply.
#[derive(Clone, Debug)]
pub(super) struct PasswordFileSource {
    pub(super) path: PathBuf,
    pub(super) hosts: HostField,
}

/// The allowed host of a line. `*` in the other fields always matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostField {
    /// The name or `*`.
    NameOrWildcard,
    /// The name only; for a server of a file in the working directory.
    NameOnly,
}

/// A usable password file. No `Debug`: it contains passwords.
pub(super) struct PasswordFile {
    path: PathBuf,
    text: String,
}

impl PasswordFile {
    /// Reads the file. Returns `Ok(None)` if there is none, and a warning if libpq would not use it either.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let Ok(metadata) = path.metadata() else { return Ok(None) };
        let shown = path.display();
        if !metadata.is_file() {
            return Err(format!("password file \"{shown}\" is not a regular file"));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(format!(
                "password file \"{shown}\" has group or world access; permissions should be u=rw (0600) or less"
            ));
        }
        let bytes =
            read_connection_file(path).map_err(|error| format!("password file \"{shown}\" cannot be read: {error}"))?;
        Ok(Some(Self { path: path.to_owned(), text: String::from_utf8_lossy(&bytes).into_owned() }))
    }

    /// Returns the password of the first line that matches.
    pub(super) fn password(
        &self,
        hosts: HostField,
        host: &str,
        port: u16,
        dbname: &str,
        user: &str,
    ) -> Option<Password> {
        let port = port.to_string();
        let lines = self.text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
        for (number, line) in lines {
            if hosts == HostField::NameOnly && line.starts_with("*:") {
                continue;
            }
            let Some(password) = [host, &port, dbname, user].into_iter().try_fold(line, rest_after_match) else {
                continue;
            };
            let password = unescape(password);
            if !password.is_empty() {
                let origin = Origin::PasswordFile { path: self.path.clone(), line: number + 1 };
                return Some(Password { secret: password.into(), origin });
            }
        }
        None
    }
}

/// Returns the rest of the line after a field that is `*` or the expected text.
fn rest_after_match<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut chars = line.char_indices();
    let mut wanted = wanted.chars();
    while let Some((position, c)) = chars.next() {
        let c = match c {
            ':' => return if wanted.next().is_none() { line.get(position + 1..) } else { None },
            '\\' => chars.next().map_or('\\', |(_, escaped)| escaped),
            c => c,
        };
        if wanted.next() != Some(c) {
            return None;
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find_password(text: &str, host: &str, port: u16, dbname: &str, user: &str) -> Option<(String, usize)> {
        let file = PasswordFile { path: "/x/.pgpass".into(), text: text.into() };
        let password = file.password(HostField::NameOrWildcard, host, port, dbname, user)?;
        match password.origin {
            Origin::PasswordFile { line, .. } => Some((password.secret.expose().to_owned(), line)),
            _ => None,
        }
    }

    #[test]
    fn passfile_takes_first_matching_line() {
        let text = "# h:5432:d:u:no\nh:5433:d:u:no\nh:5432:d:u:first\n*:*:*:*:second\n";
        assert_eq!(find_password(text, "h", 5432, "d", "u"), Some(("first".into(), 3)));
        assert_eq!(find_password(text, "other", 5432, "d", "u"), Some(("second".into(), 4)));
    }

    #[test]
    fn passfile_skips_other_lines() {
        for text in [
            "",
            "h",
            "h:5432:d",
            "h:5432:d:u",
            "h:5432:d:u:",
            "hh:5432:d:u:x",
            "h:5432:d:uu:x",
            "H:5432:d:u:x",
            "#*:*:*:*:x",
        ] {
            assert_eq!(find_password(text, "h", 5432, "d", "u"), None, "{text}");
        }
    }

    #[test]
    fn passfile_reads_escapes() {
        assert_eq!(find_password(r"\:\:1:*:a\\b:*:p\:w\\d", "::1", 1, r"a\b", "u"), Some((r"p:w\d".into(), 1)));
    }

    #[test]
    fn passfile_name_only_skips_wildcard_host() {
        let text = "*:*:*:*:star\nh:*:*:u:named\n\\*:*:*:*:escaped\n";
        let file = PasswordFile { path: "/x/.pgpass".into(), text: text.into() };
        let find = |host: &str, user: &str| {
            let password = file.password(HostField::NameOnly, host, 5432, "d", user)?;
            Some(password.secret.expose().to_owned())
        };
        assert_eq!(find("h", "u").as_deref(), Some("named"));
        assert_eq!(find("h", "v"), None);
        assert_eq!(find("evil", "u"), None);
        assert_eq!(find("*", "u").as_deref(), Some("escaped"));
    }

    proptest! {
        #[test]
        fn passfile_never_panics(text in "(?s).*", host in ".*") {
            let _ = find_password(&text, &host, 5432, "d", "u");
        }
    }
}
