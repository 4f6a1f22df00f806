//! The connection of printed pgtend commands: when pasted, they connect to the server of the report.

use super::{ShellCommand, code_ranges, code_span, code_spans, quote_conninfo_value};

/// Parameters that are never printed.
const SECRETS: [&str; 5] = ["password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"];

/// Commands that connect to a server, with those of their subcommands that do.
const CONNECTING: [(&str, &[&str]); 10] = [
    ("overview", &[]),
    ("databases", &[]),
    ("tables", &[]),
    ("indexes", &["list", "migrate", "verify"]),
    ("slots", &["list", "why", "drop"]),
    ("wal", &[]),
    ("check", &[]),
    ("audit", &[]),
    ("snapshot", &[]),
    ("history", &["record", "list", "growth", "journal", "prune"]),
];

/// The flags with which a printed pgtend command reaches a server: `--target NAME` if a target was given, otherwise the
/// given values of `-h`, `-p`, `-U` and `-d`, without passwords. The default has no flags, as for reports of `--from`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrintedConnection {
    /// Options other than `-d`, with their values.
    options: Vec<(&'static str, String)>,
    dbname: Option<String>,
    /// Parameters without a flag.
    parameters: Vec<(String, String)>,
    /// Whether the environment reaches the server, so that commands without a database need no flags.
    is_ambient: bool,
}

impl PrintedConnection {
    /// A target of the configuration, and the flags given with it.
    pub fn of_target(name: &str, config: Option<&str>, dbname: Option<&str>) -> PrintedConnection {
        let target = [("--target", Some(name)), ("--config", config)];
        let options = target.into_iter().filter_map(|(option, value)| Some((option, value?.to_owned()))).collect();
        PrintedConnection { options, dbname: dbname.map(str::to_owned), ..PrintedConnection::default() }
    }

    /// Connection parameters as given, by their libpq names.
    pub fn of_parameters<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> PrintedConnection {
        let mut connection = PrintedConnection::default();
        for (name, value) in pairs {
            let flag = match name {
                "host" => Some("-h"),
                "port" => Some("-p"),
                "user" => Some("-U"),
                _ => None,
            };
            match (name, flag) {
                _ if SECRETS.contains(&name) || value.is_empty() => {}
                // The ports of a URI with several hosts and no port.
                ("port", _) if value.bytes().all(|byte| byte == b',') => {}
                ("dbname", _) => connection.dbname = Some(value.to_owned()),
                (_, Some(flag)) if !value.starts_with('-') => connection.options.push((flag, value.to_owned())),
                _ => connection.parameters.push((name.to_owned(), value.to_owned())),
            }
        }
        connection.options.sort_by_key(|(flag, _)| ["-h", "-p", "-U"].iter().position(|known| known == flag));
        connection
    }

    /// Marks the connection as given by environment variables: only commands with a database get the flags.
    #[must_use]
    pub fn ambient(self) -> PrintedConnection {
        PrintedConnection { is_ambient: true, ..self }
    }

    /// Adds the flags to a command without a database.
    pub fn add_to(&self, command: ShellCommand) -> ShellCommand {
        if self.is_ambient { command } else { self.add(command, self.dbname.as_deref()) }
    }

    /// Adds the flags to a command for a database.
    pub fn add_to_for(&self, command: ShellCommand, database: &str) -> ShellCommand {
        self.add(command, Some(database))
    }

    fn add(&self, mut command: ShellCommand, database: Option<&str>) -> ShellCommand {
        for (option, value) in &self.options {
            command = command.option(option, value);
        }
        if self.parameters.is_empty() {
            return match database {
                Some(database) => command.database(database),
                None => command,
            };
        }
        let dbname = database.map(|database| ("dbname", database));
        let others = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<String> = dbname.into_iter().chain(others).map(|(name, value)| pair(name, value)).collect();
        command.conninfo(&pairs.join(" "))
    }

    /// Adds the flags to a printed line, if it is a pgtend command that connects and has none.
    pub fn command(&self, line: &str) -> String {
        let Some(end) = end_of_names(line) else { return line.to_owned() };
        let (names, rest) = line.split_at(end);
        let first = rest.split_whitespace().next().unwrap_or_default();
        let has_its_own = ["-h", "-p", "-U", "-d", "--from"].contains(&first) || first.starts_with("--target");
        let flags = self.add_to(ShellCommand::new("")).to_string();
        if has_its_own || flags.trim().is_empty() { line.to_owned() } else { format!("{names}{flags}{rest}") }
    }

    /// Adds the flags to the commands in the code spans of a sentence.
    pub fn sentence(&self, text: &str) -> String {
        if *self == PrintedConnection::default() || code_ranges(text).is_empty() {
            return text.to_owned();
        }
        let part =
            |(is_code, part): (bool, &str)| if is_code { code_span(&self.command(part)) } else { part.to_owned() };
        code_spans(text).into_iter().map(part).collect()
    }
}

/// Returns `name=value`, quoted if necessary.
fn pair(name: &str, value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@".contains(&byte);
    let is_bare = name != "dbname" && !value.is_empty() && value.bytes().all(is_plain);
    format!("{name}={}", if is_bare { value.to_owned() } else { quote_conninfo_value(value) })
}

/// Returns the end of the command's words, as in `pgtend slots drop …`; `None` for a line that is not a pgtend command
/// that connects.
fn end_of_names(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("pgtend ")?;
    let word = |text: &str| text.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).next().unwrap_or("").len();
    let first = word(rest);
    let (_, inner) = CONNECTING.iter().find(|(name, _)| *name == &rest[..first])?;
    let mut end = line.len() - rest.len() + first;
    if let Some(behind) = line[end..].strip_prefix(' ') {
        let second = word(behind);
        if inner.contains(&&behind[..second]) {
            end += 1 + second;
        }
    }
    (line.len() == end || line[end..].starts_with(' ')).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_command_carries_the_connection() {
        let flags = [("user", "app"), ("host", "db1"), ("password", "hunter2"), ("port", "5433"), ("dbname", "shop")];
        let flags = PrintedConnection::of_parameters(flags);
        let tls = [("host", "db1"), ("dbname", "my db"), ("sslmode", "verify-full"), ("password", "hunter2")];
        let tls = PrintedConnection::of_parameters(tls);
        let target = PrintedConnection::of_target("prod eu", Some("a.toml"), None);
        let none = PrintedConnection::default();
        let ambient = PrintedConnection::of_parameters([("host", "db1"), ("dbname", "x")]).ambient();
        for (connection, line, printed) in [
            (&flags, "pgtend slots drop s1", "pgtend slots drop -h db1 -p 5433 -U app -d shop s1"),
            (&flags, "pgtend slots drop --x -- -s", "pgtend slots drop -h db1 -p 5433 -U app -d shop --x -- -s"),
            (&flags, "pgtend check   # daily", "pgtend check -h db1 -p 5433 -U app -d shop   # daily"),
            (&flags, "pgtend explain stale-slot", "pgtend explain stale-slot"),
            (&flags, "pgtend 0.1", "pgtend 0.1"),
            (&flags, "psql -c x", "psql -c x"),
            (&flags, "pgtend indexes -d other", "pgtend indexes -d other"),
            (&target, "pgtend wal", "pgtend wal --target 'prod eu' --config a.toml"),
            (&target, "pgtend slots drop drop", "pgtend slots drop --target 'prod eu' --config a.toml drop"),
            (&tls, "pgtend wal", "pgtend wal -h db1 -d \"dbname='my db' sslmode=verify-full\""),
            (&none, "pgtend wal", "pgtend wal"),
            (&ambient, "pgtend wal", "pgtend wal"),
        ] {
            assert_eq!(connection.command(line), printed);
            assert_eq!(connection.command(printed), printed, "added twice");
        }
        let drop = |connection: &PrintedConnection| {
            connection.add_to_for(ShellCommand::new("pgtend indexes"), "other").arg("--sort bloat").to_string()
        };
        assert_eq!(drop(&flags), "pgtend indexes -h db1 -p 5433 -U app -d other --sort bloat");
        assert_eq!(drop(&tls), "pgtend indexes -h db1 -d \"dbname='other' sslmode=verify-full\" --sort bloat");
        assert_eq!(drop(&target), "pgtend indexes --target 'prod eu' --config a.toml -d other --sort bloat");
        assert_eq!(drop(&ambient), "pgtend indexes -h db1 -d other --sort bloat");
        assert_eq!(drop(&none), "pgtend indexes -d other --sort bloat");
    }

    #[test]
    fn sentence_keeps_its_text() {
        let target = PrintedConnection::of_target("prod", None, None);
        for (text, printed) in [
            ("see `pgtend wal`, and `x`", "see `pgtend wal --target prod`, and `x`"),
            ("pgtend wal ` a", "pgtend wal ` a"),
            ("(`pgtend explain a` lists them)", "(`pgtend explain a` lists them)"),
        ] {
            assert_eq!(target.sentence(text), printed);
        }
    }

    #[test]
    fn first_dash_is_no_flag() {
        let odd = PrintedConnection::of_parameters([("host", "-x"), ("port", ","), ("user", "")]);
        assert_eq!(odd.command("pgtend wal"), "pgtend wal -d \"host=-x\"");
    }
}
