use std::path::PathBuf;
use std::sync::Arc;

use super::ConfigError;
use super::document::{Table, Text};
use super::file::{self, File};
use super::password::Password;
use super::password_command::PasswordCommand;
use super::{audit, databases};
use crate::inspect::Reach;
use crate::judge::audit::Given;
use crate::pg::conninfo::{Environment, PasswordProvider, REFUSED_PARAMETERS, Secret, Sensitive, Target, Written};

/// `[target.NAME]`
#[derive(Debug)]
pub(super) struct Entry {
    /// The file it is from, and whether that is the user's own.
    pub(super) path: PathBuf,
    pub(super) trusted: bool,
    conninfo: Written,
    password: Option<Password>,
    password_command: Option<PasswordCommand>,
    /// Its standbys, asked for the scans they counted themselves.
    replicas: Vec<Written>,
    /// Which of its databases are read from inside.
    pub(super) reach: Reach,
    /// Bytes of the volume that pg_wal lies on.
    pub(super) disk_size: Option<u64>,
    /// What an audit of it may take for given.
    pub(super) given: Given,
}

impl Entry {
    pub(super) fn read(table: &Table<'_>, file: &File) -> Result<Self, ConfigError> {
        table.allow_only(
            &[
                &["conninfo", "password", "password_command", "password_command_timeout", "replicas", "databases"][..],
                &["disk_size"],
                &audit::OF_TARGET,
            ]
            .concat(),
        )?;
        let name = &table.name;
        let untrusted =
            |what: &str| format!("{what} of target {name:?} may not stand in a file found in the working directory");
        let password = table.text("password")?;
        if let (Some(password), false) = (&password, file.trusted) {
            return Err(password.error(untrusted("the password")).with_hint(file.where_to_put_secrets()));
        }
        let read = |what: &str, text: &Text<'_>| {
            if ["env:", "file:"].iter().any(|prefix| text.value.starts_with(prefix)) {
                return Err(match file.trusted {
                    true => text
                        .error(format!("{what} of target {name:?} may not be a reference"))
                        .with_hint("write the conninfo out without its password, and password = \"env:NAME\" or \"file:PATH\" beside it"),
                    false => text.error(untrusted(&format!("a reference for {what}"))).with_hint(file.where_to_put_secrets()),
                });
            }
            let conninfo = Written::read(text.value, name).map_err(|error| {
                let located = text.error(format!("{what} of target {name:?}: {error}"));
                error.hint().map_or(located.clone(), |hint| located.with_hint(hint))
            })?;
            if let (Some(given), false) = (REFUSED_PARAMETERS.iter().find(|given| conninfo.gives(given)), file.trusted)
            {
                let hint = if *given == "password" { file.where_to_put_secrets() } else { file.where_to_move_target() };
                return Err(text.error(untrusted(&format!("the {given} in {what}"))).with_hint(hint));
            }
            Ok(conninfo)
        };
        let mut conninfo = read("the conninfo", &table.required_text("conninfo")?)?;
        let reach = databases::read(table)?;
        if let Reach::Listed(names) = &reach {
            conninfo = names.iter().take(1).fold(conninfo, |conninfo, first| conninfo.or_dbname(first));
        }
        let replicas: Vec<Written> =
            table.texts("replicas")?.iter().map(|text| read("a replica", text)).collect::<Result<_, _>>()?;
        if let (Some(password), true) = (&password, conninfo.gives("password")) {
            return Err(password
                .error(format!("target {name:?} has two passwords: this one and one in its conninfo"))
                .with_hint("remove one of them"));
        }
        let password_command = PasswordCommand::read(table, file)?;
        if password_command.is_some() && (password.is_some() || conninfo.gives("password")) {
            return Err(table
                .error_at("password_command", format!("target {name:?} has a password and a password_command"))
                .with_hint("remove one of them"));
        }
        let parse = |text: Text<'_>| Password::parse(text.value).map_err(|why| text.error(why));
        let disk_size = table.text("disk_size")?;
        let disk_size = disk_size
            .map(|text| {
                crate::model::parse_bytes(text.value)
                    .map_err(|why| text.error(format!("the disk_size of target {name:?}: {why}")))
            })
            .transpose()?;
        let given = audit::of_target(table, file, disk_size)?;
        Ok(Self {
            path: file.path.clone(),
            trusted: file.trusted,
            conninfo,
            password: password.map(parse).transpose()?,
            password_command,
            replicas,
            reach,
            disk_size,
            given,
        })
    }

    /// Whether the file itself holds the password.
    pub(super) fn holds_a_password(&self) -> bool {
        let written = [&self.conninfo].into_iter().chain(&self.replicas).any(|conninfo| conninfo.gives("password"));
        matches!(self.password, Some(Password::Literal(_))) || written
    }

    /// Returns the server to connect to, with its password.
    pub(super) fn target(&self, name: &str, environment: &Environment) -> Result<Target, ConfigError> {
        let password = self.secret(name, environment)?;
        Ok(self.server(name, with_password(&self.conninfo, password.as_ref()), self.provider(name, environment)))
    }

    /// Returns its standbys, each with the target's password or password command where it has no password of its own.
    pub(super) fn replicas(&self, name: &str, environment: &Environment) -> Result<Vec<Target>, ConfigError> {
        let needs_it = self.replicas.iter().any(|replica| !replica.gives("password"));
        let password = if needs_it { self.secret(name, environment)? } else { None };
        let standby = |replica: &Written| match replica.gives("password") {
            true => self.server(name, with_password(replica, None), None),
            false => self.server(name, with_password(replica, password.as_ref()), self.provider(name, environment)),
        };
        Ok(self.replicas.iter().map(standby).collect())
    }

    fn server(&self, name: &str, conninfo: Sensitive, password_provider: Option<Arc<dyn PasswordProvider>>) -> Target {
        Target { name: name.to_owned(), conninfo, trusted: self.trusted, password_provider }
    }

    fn provider(&self, name: &str, environment: &Environment) -> Option<Arc<dyn PasswordProvider>> {
        Some(self.password_command.as_ref()?.provider(name, environment, &self.path))
    }

    fn secret(&self, name: &str, environment: &Environment) -> Result<Option<Secret>, ConfigError> {
        let Some(password) = &self.password else { return Ok(None) };
        let folder = self.path.parent().unwrap_or(&self.path);
        let secret = password.fetch(environment, folder).map_err(|why| {
            ConfigError::new(format!("the password of target {name:?}: {why}"))
                .with_hint(format!("[target.{name:?}] in {} says where it is", file::shown(&self.path)))
        })?;
        Ok(Some(Secret::from(secret.expose())))
    }
}

fn with_password(conninfo: &Written, password: Option<&Secret>) -> Sensitive {
    match password {
        Some(password) => conninfo.clone().with_password(password).conninfo(),
        None => conninfo.conninfo(),
    }
}
