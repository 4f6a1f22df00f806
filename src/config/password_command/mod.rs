//! `password_command`: a program whose output is the password of one connection, such as a login token of a cloud.

mod process;

use super::document::Table;
use super::file::ConfigFile;
use super::{ConfigError, file};
use crate::postgres::conninfo::{Environment, Origin, PasswordFuture, PasswordProvider, PasswordRequest};
use crate::units::parse_duration;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The default of `password_command_timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The program and its arguments, run without a shell.
#[derive(Clone)]
pub(super) struct PasswordCommand {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl PasswordCommand {
    /// Refuses both keys in a file found in the working directory, and a command together with a password.
    pub(super) fn read(table: &Table<'_>, file: &ConfigFile) -> Result<Option<PasswordCommand>, ConfigError> {
        const KEYS: [&str; 2] = ["password_command", "password_command_timeout"];
        let name = &table.name;
        if let (Some(key), false) = (KEYS.iter().find(|key| table.has(key)), file.trusted) {
            let message = format!("{key} of target {name:?} is not allowed in a file found in the working directory");
            return Err(table.value_error(key, message).with_hint(file.secrets_hint()));
        }
        let timeout = table.text(KEYS[1])?;
        if !table.has(KEYS[0]) {
            return match timeout {
                Some(text) => Err(text.error(format!("target {name:?} has {} but no {}", KEYS[1], KEYS[0]))),
                None => Ok(None),
            };
        }
        let words: Vec<String> = table.texts(KEYS[0])?.iter().map(|text| text.value.to_owned()).collect();
        let Some((program, arguments)) = words.split_first().filter(|(program, _)| !program.is_empty()) else {
            return Err(table
                .value_error(KEYS[0], format!("password_command of target {name:?} is empty"))
                .with_hint("write password_command = [\"PROGRAM\", \"ARGUMENT\"]"));
        };
        if words.iter().any(|word| word.contains('\0')) {
            return Err(table.value_error(KEYS[0], format!("password_command of target {name:?} contains a NUL byte")));
        }
        let timeout = match timeout {
            None => DEFAULT_TIMEOUT,
            Some(text) => parse_duration(text.value).ok().filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
                text.error("\"password_command_timeout\" must be a duration with a unit, e.g. \"30s\"")
            })?,
        };
        Ok(Some(PasswordCommand { program: program.clone(), arguments: arguments.to_vec(), timeout }))
    }

    /// Returns the provider that runs the command; `config` is the file that contains it.
    pub(super) fn provider(&self, target: &str, environment: &Environment, config: &Path) -> Arc<dyn PasswordProvider> {
        let folder = config.parent().unwrap_or(config);
        Arc::new(CommandPasswordProvider {
            command: self.clone(),
            program: self.program_path(environment, folder),
            target: target.to_owned(),
        })
    }

    /// A bare name is looked up in PATH; a relative path starts at the folder of the configuration.
    fn program_path(&self, environment: &Environment, folder: &Path) -> PathBuf {
        match (self.program.strip_prefix("~/"), &environment.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ if self.program.contains('/') => folder.join(&self.program),
            _ => PathBuf::from(&self.program),
        }
    }
}

// Implemented manually, because an argument may be a secret.
impl fmt::Debug for PasswordCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCommand")
            .field("program", &self.program)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The command of one target.
#[derive(Debug)]
struct CommandPasswordProvider {
    command: PasswordCommand,
    program: PathBuf,
    target: String,
}

impl PasswordProvider for CommandPasswordProvider {
    fn password<'a>(&'a self, request: PasswordRequest<'a>) -> PasswordFuture<'a> {
        Box::pin(async move {
            let arguments: Vec<String> =
                self.command.arguments.iter().map(|argument| fill_placeholders(argument, &request)).collect();
            let outcome = process::run_password_command(&self.program, &arguments, self.command.timeout).await;
            outcome.map_err(|why| {
                let (name, program) = (&self.target, file::display_path(&self.program));
                format!("password_command of target {name:?}: {program} {why}")
            })
        })
    }

    fn origin(&self) -> Origin {
        Origin::Command(self.target.clone())
    }
}

/// Replaces `{host}`, `{port}`, `{user}` and `{dbname}`; the substituted values are not searched again.
fn fill_placeholders(argument: &str, request: &PasswordRequest<'_>) -> String {
    let port = request.port.to_string();
    let values = [("{host}", request.host), ("{port}", &port), ("{user}", request.user), ("{dbname}", request.dbname)];
    let mut text = String::new();
    let mut rest = argument;
    while let Some(position) = rest.find('{') {
        text.push_str(&rest[..position]);
        rest = &rest[position..];
        let (name, value) = values.iter().find(|(name, _)| rest.starts_with(name)).copied().unwrap_or(("{", "{"));
        text.push_str(value);
        rest = &rest[name.len()..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_once() {
        let request = PasswordRequest { host: "{port}", port: 6432, user: "app", dbname: "shop" };
        for (argument, expected) in [
            ("--hostname={host}:{port}", "--hostname={port}:6432"),
            ("{user}@{dbname}{", "app@shop{"),
            ("{\"a\": {other}}", "{\"a\": {other}}"),
            ("plain", "plain"),
        ] {
            assert_eq!(fill_placeholders(argument, &request), expected);
        }
    }

    #[test]
    fn program_path_is_relative_to_config() {
        let environment = Environment { home: Some("/home/ada".into()), ..Environment::default() };
        for (program, expected) in [
            ("aws", "aws"),
            ("./token", "/etc/pgtend/./token"),
            ("bin/token", "/etc/pgtend/bin/token"),
            ("~/token", "/home/ada/token"),
            ("/opt/token", "/opt/token"),
        ] {
            let command =
                PasswordCommand { program: program.to_owned(), arguments: Vec::new(), timeout: DEFAULT_TIMEOUT };
            assert_eq!(command.program_path(&environment, Path::new("/etc/pgtend")), Path::new(expected));
        }
    }

    #[test]
    fn debug_hides_arguments() {
        let arguments = vec!["--key=hunter2".to_owned()];
        let command = PasswordCommand { program: "token".to_owned(), arguments, timeout: DEFAULT_TIMEOUT };
        assert!(!format!("{command:?}").contains("hunter2"));
    }
}
