use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ConfigConninfo, ConninfoError, PasswordProvider, Sensitive};

/// The part of the process environment that connections depend on, read once by `app`.
#[derive(Clone, Default)]
pub struct Environment {
    /// The environment variables.
    pub vars: BTreeMap<String, String>,
    /// The home directory: `.pgpass`, `.pg_service.conf`, `.postgresql/`.
    pub home: Option<PathBuf>,
    /// The operating-system user name: the default role.
    pub os_user: Option<String>,
}

impl Environment {
    /// Returns a variable; an empty one counts as not set.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns pgtend's folder of a kind, which need not exist; `None` without a home directory. A variable with a
    /// relative path is ignored (XDG Base Directory Specification 0.8, "Basics").
    pub fn xdg_folder(&self, kind: XdgFolder) -> Option<PathBuf> {
        let (variable, home_folder) = match kind {
            XdgFolder::Config => ("XDG_CONFIG_HOME", ".config"),
            XdgFolder::State => ("XDG_STATE_HOME", ".local/state"),
            XdgFolder::Cache => ("XDG_CACHE_HOME", ".cache"),
        };
        let named = self.var(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = named.or_else(|| self.home.as_ref().map(|home| home.join(home_folder)))?;
        Some(base.join("pgtend"))
    }
}

/// A kind of folder of the XDG Base Directory Specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdgFolder {
    /// The user's configuration.
    Config,
    /// State that remains after a run: the history.
    State,
    /// Data that can be downloaded again.
    Cache,
}

// Implemented manually: the variables may contain PGPASSWORD and DATABASE_URL.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("os_user", &self.os_user)
            .finish()
    }
}

/// The connection options, with psql's names.
#[derive(Clone, Default)]
pub struct ConnectionFlags {
    /// `-h`, `--host`: a name, an address, a socket directory, or several with commas.
    pub host: Option<String>,
    /// `-p`, `--port`.
    pub port: Option<String>,
    /// `-U`, `--username`.
    pub username: Option<String>,
    /// `-d`, `--dbname`: a name, a `key=value` conninfo or a URI.
    pub dbname: Option<String>,
    /// `-w`: never prompt for a password (`app` prompts).
    pub no_password: bool,
    /// `-W`: always prompt for a password (`app` prompts).
    pub force_password: bool,
}

impl ConnectionFlags {
    /// Returns whether an option other than `-w` and `-W` is set.
    pub fn has_connection_flag(&self) -> bool {
        [&self.host, &self.port, &self.username, &self.dbname].into_iter().flatten().any(|text| !text.is_empty())
    }

    /// Returns whether the options specify a host, not only a user, a port or a database.
    pub(super) fn has_server(&self) -> bool {
        self.host.as_deref().is_some_and(|host| !host.is_empty())
            || self.dbname.as_deref().is_some_and(super::is_connection_string)
    }
}

// Implemented manually: --dbname may be a conninfo with a password.
impl fmt::Debug for ConnectionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("dbname", &self.dbname.as_deref().map(Sensitive::from))
            .field("no_password", &self.no_password)
            .field("force_password", &self.force_password)
            .finish()
    }
}

/// A server of the configuration: `--target NAME`.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the configuration.
    pub name: String,
    /// Its `key=value` conninfo or URI.
    pub conninfo: Sensitive,
    /// Whether it is from the user's own file and not from one found in the working directory.
    pub trusted: bool,
    /// The password provider, called for each connection.
    pub password_provider: Option<Arc<dyn PasswordProvider>>,
}

impl Target {
    /// Returns the same server with another database.
    ///
    /// # Errors
    ///
    /// The target's conninfo is invalid.
    pub fn with_dbname(mut self, name: &str) -> Result<Target, ConninfoError> {
        self.conninfo = ConfigConninfo::read(self.conninfo.expose(), &self.name)?.with_dbname(name).conninfo();
        Ok(self)
    }
}

/// The input from which a connection is resolved.
#[derive(Clone, Debug, Default)]
pub struct ConnectionRequest {
    /// The connection flags.
    pub flags: ConnectionFlags,
    /// The target of the configuration, if one was requested.
    pub target: Option<Target>,
    /// The process environment.
    pub environment: Environment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xdg_folders_ignore_relative_paths() {
        let environment = |variable: &str, value: &str, home: Option<&str>| Environment {
            vars: [(variable.to_owned(), value.to_owned())].into(),
            home: home.map(PathBuf::from),
            os_user: None,
        };
        for (kind, variable, in_home) in [
            (XdgFolder::Config, "XDG_CONFIG_HOME", "/home/ada/.config/pgtend"),
            (XdgFolder::State, "XDG_STATE_HOME", "/home/ada/.local/state/pgtend"),
            (XdgFolder::Cache, "XDG_CACHE_HOME", "/home/ada/.cache/pgtend"),
        ] {
            let folder = |value, home| environment(variable, value, home).xdg_folder(kind);
            assert_eq!(folder("/xdg", Some("/home/ada")), Some("/xdg/pgtend".into()), "{variable}");
            for value in ["relative", "./xdg", ""] {
                assert_eq!(folder(value, Some("/home/ada")), Some(in_home.into()), "{variable}={value}");
                assert_eq!(folder(value, None), None, "{variable}={value}");
            }
        }
    }
}
