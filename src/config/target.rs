use std::path::Path;

use super::ConfigError;
use super::document::{Table, Text};
use super::file::{self, File};
use super::password::Password;
use super::{audit, databases};
use crate::inspect::Reach;
use crate::judge::audit::Given;
use crate::pg::conninfo::{Environment, Secret, Written};

/// What a conninfo may not give in an untrusted file: the password and the files it is read from. A
/// client's key may be named, as it never leaves the machine.
const SECRETS: [&str; 3] = ["password", "passfile", "servicefile"];

/// `[target.NAME]`
#[derive(Debug)]
pub(super) struct Entry {
    conninfo: Written,
    password: Option<Password>,
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
            &[&["conninfo", "password", "replicas", "databases", "disk_size"][..], &audit::OF_TARGET].concat(),
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
            if let (Some(given), false) = (SECRETS.iter().find(|given| conninfo.gives(given)), file.trusted) {
                let given = format!("the {given} in {what}");
                return Err(text.error(untrusted(&given)).with_hint(file.where_to_put_secrets()));
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
        let parse = |text: Text<'_>| Password::parse(text.value).map_err(|why| text.error(why));
        let disk_size = table.text("disk_size")?;
        let disk_size = disk_size
            .map(|text| {
                crate::model::parse_bytes(text.value)
                    .map_err(|why| text.error(format!("the disk_size of target {name:?}: {why}")))
            })
            .transpose()?;
        let given = audit::of_target(table, file, disk_size)?;
        Ok(Self { conninfo, password: password.map(parse).transpose()?, replicas, reach, disk_size, given })
    }

    /// Whether the file itself holds the password.
    pub(super) fn holds_a_password(&self) -> bool {
        let written = [&self.conninfo].into_iter().chain(&self.replicas).any(|conninfo| conninfo.gives("password"));
        matches!(self.password, Some(Password::Literal(_))) || written
    }

    /// The conninfo with the password in it; `config` is the file this stands in.
    pub(super) fn conninfo(&self, name: &str, environment: &Environment, config: &Path) -> Result<Secret, ConfigError> {
        let password = self.secret(name, environment, config)?;
        Ok(with_password(&self.conninfo, password.as_ref()))
    }

    /// The conninfos of its standbys, each with the target's password where it has none of its own.
    pub(super) fn replicas(
        &self,
        name: &str,
        environment: &Environment,
        config: &Path,
    ) -> Result<Vec<Secret>, ConfigError> {
        let needs_it = self.replicas.iter().any(|replica| !replica.gives("password"));
        let password = if needs_it { self.secret(name, environment, config)? } else { None };
        let own = |replica: &Written| if replica.gives("password") { None } else { password.as_ref() };
        Ok(self.replicas.iter().map(|replica| with_password(replica, own(replica))).collect())
    }

    fn secret(&self, name: &str, environment: &Environment, config: &Path) -> Result<Option<Secret>, ConfigError> {
        let Some(password) = &self.password else { return Ok(None) };
        let folder = config.parent().unwrap_or(config);
        let secret = password.fetch(environment, folder).map_err(|why| {
            ConfigError::new(format!("the password of target {name:?}: {why}"))
                .with_hint(format!("[target.{name:?}] in {} says where it is", file::shown(config)))
        })?;
        Ok(Some(secret))
    }
}

fn with_password(conninfo: &Written, password: Option<&Secret>) -> Secret {
    match password {
        Some(password) => conninfo.clone().with_password(password).conninfo(),
        None => conninfo.conninfo(),
    }
}
