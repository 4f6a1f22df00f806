use std::path::PathBuf;
use std::sync::Arc;

use super::ConfigError;
use super::document::{Table, Text};
use super::file::{self, ConfigFile};
use super::password::SecretSource;
use super::password_command::PasswordCommand;
use super::{audit, databases};
use crate::analysis::downsize::Overrides;
use crate::collect::DatabaseSelection;
use crate::postgres::conninfo::{
    ConfigConninfo, Environment, PasswordProvider, REFUSED_PARAMETERS, Secret, Sensitive, Target,
};

/// `[target.NAME]`
#[derive(Debug)]
pub(super) struct TargetEntry {
    /// The file with the target, and whether it is the user's own.
    pub(super) path: PathBuf,
    pub(super) trusted: bool,
    conninfo: ConfigConninfo,
    password: Option<SecretSource>,
    password_command: Option<PasswordCommand>,
    /// Standbys that are read for their own scan counters.
    replicas: Vec<ConfigConninfo>,
    /// Databases to read.
    pub(super) database_selection: DatabaseSelection,
    /// Size in bytes of the volume with `pg_wal`.
    pub(super) disk_size: Option<u64>,
    /// Assumptions of audits.
    pub(super) overrides: Overrides,
}

impl TargetEntry {
    pub(super) fn read(table: &Table<'_>, file: &ConfigFile) -> Result<Self, ConfigError> {
        table.allow_only(
            &[
                &["conninfo", "password", "password_command", "password_command_timeout", "replicas", "databases"][..],
                &["disk_size"],
                &audit::TARGET_KEYS,
            ]
            .concat(),
        )?;
        let name = &table.name;
        let untrusted =
            |what: &str| format!("{what} of target {name:?} is not allowed in a file found in the working directory");
        let password = table.text("password")?;
        if let (Some(password), false) = (&password, file.trusted) {
            return Err(password.error(untrusted("the password")).with_hint(file.secrets_hint()));
        }
        let read = |what: &str, text: &Text<'_>| {
            if ["env:", "file:"].iter().any(|prefix| text.value.starts_with(prefix)) {
                return Err(match file.trusted {
                    true => text.error(format!("{what} of target {name:?} must not be a reference")).with_hint(
                        "write the conninfo without its password, and add password = \"env:NAME\" or \"file:PATH\"",
                    ),
                    false => text.error(untrusted(&format!("a reference for {what}"))).with_hint(file.secrets_hint()),
                });
            }
            let conninfo = ConfigConninfo::read(text.value, name).map_err(|error| {
                let located = text.error(format!("{what} of target {name:?}: {error}"));
                error.hint().map_or(located.clone(), |hint| located.with_hint(hint))
            })?;
            if let (Some(parameter), false) =
                (REFUSED_PARAMETERS.iter().find(|given| conninfo.has_parameter(given)), file.trusted)
            {
                let hint = if *parameter == "password" { file.secrets_hint() } else { file.where_to_move_target() };
                return Err(text.error(untrusted(&format!("the {parameter} in {what}"))).with_hint(hint));
            }
            Ok(conninfo)
        };
        let mut conninfo = read("the conninfo", &table.required_text("conninfo")?)?;
        let database_selection = databases::read_database_selection(table)?;
        if let DatabaseSelection::Listed(names) = &database_selection {
            conninfo = names.iter().take(1).fold(conninfo, |conninfo, first| conninfo.with_default_dbname(first));
        }
        let replicas: Vec<ConfigConninfo> =
            table.texts("replicas")?.iter().map(|text| read("a replica", text)).collect::<Result<_, _>>()?;
        if let (Some(password), true) = (&password, conninfo.has_parameter("password")) {
            return Err(password
                .error(format!("target {name:?} has two passwords: password and the one in its conninfo"))
                .with_hint("remove one of them"));
        }
        let password_command = PasswordCommand::read(table, file)?;
        if password_command.is_some() && (password.is_some() || conninfo.has_parameter("password")) {
            return Err(table
                .value_error("password_command", format!("target {name:?} has both password and password_command"))
                .with_hint("remove one of them"));
        }
        let parse = |text: Text<'_>| SecretSource::parse(text.value).map_err(|why| text.error(why));
        let disk_size = table.text("disk_size")?;
        let disk_size = disk_size
            .map(|text| {
                crate::units::parse_bytes(text.value)
                    .map_err(|why| text.error(format!("disk_size of target {name:?}: {why}")))
            })
            .transpose()?;
        let overrides = audit::read_target_overrides(table, file, disk_size)?;
        Ok(Self {
            path: file.path.clone(),
            trusted: file.trusted,
            conninfo,
            password: password.map(parse).transpose()?,
            password_command,
            replicas,
            database_selection,
            disk_size,
            overrides,
        })
    }

    /// Returns whether the file itself has the password.
    pub(super) fn contains_password(&self) -> bool {
        let written =
            [&self.conninfo].into_iter().chain(&self.replicas).any(|conninfo| conninfo.has_parameter("password"));
        matches!(self.password, Some(SecretSource::Literal(_))) || written
    }

    /// Returns the server to connect to, with its password.
    pub(super) fn target(&self, name: &str, environment: &Environment) -> Result<Target, ConfigError> {
        let password = self.fetch_password(name, environment)?;
        Ok(self.to_target(
            name,
            with_password(&self.conninfo, password.as_ref()),
            self.password_provider(name, environment),
        ))
    }

    /// Returns its standbys, each with the target's password or password command where it has no password of its own.
    pub(super) fn replicas(&self, name: &str, environment: &Environment) -> Result<Vec<Target>, ConfigError> {
        let needs_password = self.replicas.iter().any(|replica| !replica.has_parameter("password"));
        let password = if needs_password { self.fetch_password(name, environment)? } else { None };
        let standby = |replica: &ConfigConninfo| match replica.has_parameter("password") {
            true => self.to_target(name, with_password(replica, None), None),
            false => self.to_target(
                name,
                with_password(replica, password.as_ref()),
                self.password_provider(name, environment),
            ),
        };
        Ok(self.replicas.iter().map(standby).collect())
    }

    fn to_target(
        &self,
        name: &str,
        conninfo: Sensitive,
        password_provider: Option<Arc<dyn PasswordProvider>>,
    ) -> Target {
        Target { name: name.to_owned(), conninfo, trusted: self.trusted, password_provider }
    }

    fn password_provider(&self, name: &str, environment: &Environment) -> Option<Arc<dyn PasswordProvider>> {
        Some(self.password_command.as_ref()?.provider(name, environment, &self.path))
    }

    fn fetch_password(&self, name: &str, environment: &Environment) -> Result<Option<Secret>, ConfigError> {
        let Some(password) = &self.password else { return Ok(None) };
        let folder = self.path.parent().unwrap_or(&self.path);
        let secret = password.fetch(environment, folder).map_err(|why| {
            ConfigError::new(format!("password of target {name:?}: {why}"))
                .with_hint(format!("correct [target.{name:?}] in {}", file::display_path(&self.path)))
        })?;
        Ok(Some(Secret::from(secret.expose())))
    }
}

fn with_password(conninfo: &ConfigConninfo, password: Option<&Secret>) -> Sensitive {
    match password {
        Some(password) => conninfo.clone().with_password(password).conninfo(),
        None => conninfo.conninfo(),
    }
}
