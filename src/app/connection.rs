//! The connection that the user specified, and its session.

use super::{Context, unless_interrupted};
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::options::GlobalArgs;
use crate::config::Config;
use crate::postgres::conninfo::{
    ConnectionFlags, ConnectionRequest, Conninfo, Environment, Host, is_connection_string, resolve,
};
use crate::postgres::{ConnectError, ReadLimits, Session, SessionError, conninfo};
use crate::quote::PrintedConnection;
use std::sync::Arc;

impl Context {
    /// Opens a session to the server, regardless of `--from`.
    pub async fn session(&self) -> Result<Session, Failure> {
        let conninfo = self.conninfo()?;
        unless_interrupted(Box::pin(self.connect(conninfo)), async {}).await
    }

    /// Returns the conninfo, resolved as psql resolves it.
    pub fn conninfo(&self) -> Result<Conninfo, Failure> {
        let connection = &self.global.connection;
        let target = match &connection.target {
            Some(name) => {
                let dbname = self.database_of_target()?;
                let target = self.config()?.target(name, &self.environment)?;
                Some(match dbname {
                    Some(dbname) => target.with_dbname(dbname)?,
                    None => target,
                })
            }
            None => None,
        };
        if let Some(target) = &target {
            self.note_working_directory(self.config()?, &[&target.name]);
        }
        let resolved = resolve(&ConnectionRequest {
            flags: ConnectionFlags {
                host: connection.host.clone(),
                port: connection.port.clone(),
                username: connection.username.clone(),
                dbname: connection.dbname.clone().filter(|_| target.is_none()),
                no_password: connection.no_password,
                force_password: connection.password,
            },
            target,
            environment: self.environment.clone(),
        })?;
        Ok(self.print_resolve_warnings(resolved).with_limits(self.read_limits()?))
    }

    /// Returns the database that `-d` selects for `--target`.
    ///
    /// # Errors
    ///
    /// It is a connection string, which may specify another server.
    pub fn database_of_target(&self) -> Result<Option<&str>, Failure> {
        let dbname = self.target().and(self.global.connection.dbname.as_deref()).filter(|name| !name.is_empty());
        if dbname.is_some_and(is_connection_string) {
            let message = "with --target, -d accepts only a database name, not a connection string";
            return Err(Failure::new(ExitCode::Usage, message)
                .with_hint(Some("omit --target, or specify a database of the target: -d DBNAME")));
        }
        Ok(dbname)
    }

    /// Prints once that targets come from a file in the working directory.
    pub fn note_working_directory(&self, config: &Config, targets: &[&str]) {
        let found = targets.iter().find(|name| config.is_from_working_directory(name));
        let Some(file) = found.and_then(|name| config.file_of_target(name)) else { return };
        if self.working_directory_noted.replace(true) {
            return;
        }
        let what = match targets {
            [target] => format!("target {target:?} is"),
            _ => "targets are".to_owned(),
        };
        let name = file.display().to_string();
        self.ui.note(&format!("pgtend: note: {what} from {name:?}, found in the working directory"));
    }

    /// Connects; prompts for a password if the server requires one and none is known.
    pub(super) async fn connect(&self, conninfo: Conninfo) -> Result<Session, Failure> {
        let prompt = password_prompt(&conninfo);
        let mut conninfo = Arc::new(conninfo);
        if self.global.connection.password
            && let Some(password) = self.ui.read_password(&prompt).await
        {
            conninfo = Arc::new(conninfo.with_password(password.as_str()));
        }
        let session = match Session::open(Arc::clone(&conninfo)).await {
            Err(SessionError::Connect(ConnectError::PasswordNeeded(_)))
                if !self.global.connection.no_password && !self.global.connection.password =>
            {
                let Some(password) = self.ui.read_password(&prompt).await else {
                    return Ok(Session::open(conninfo).await?);
                };
                Session::open(Arc::new(conninfo.with_password(password.as_str()))).await?
            }
            result => result?,
        };
        self.print_session_warnings(&session);
        Ok(session)
    }

    /// Prints the warnings about a connection.
    pub(super) fn print_session_warnings(&self, session: &Session) {
        for warning in session.warnings() {
            self.ui.warn(warning);
        }
    }

    /// Returns the memory limits for the answers of a server.
    pub(super) fn read_limits(&self) -> Result<ReadLimits, Failure> {
        Ok(self.config()?.read_limits())
    }
}

/// Returns the connection options that printed commands need for the server of the flags; none with `--from`.
pub(super) fn printed(global: &GlobalArgs, environment: &Environment) -> PrintedConnection {
    let given = &global.connection;
    if global.reading.from.is_some() {
        return PrintedConnection::default();
    }
    let config = given.config.as_ref().map(|path| path.to_string_lossy());
    if let Some(target) = &given.target {
        let dbname = given.dbname.as_deref().filter(|name| !name.is_empty() && !is_connection_string(name));
        return PrintedConnection::of_target(target, config.as_deref(), dbname);
    }
    conninfo::printed(
        &ConnectionFlags {
            host: given.host.clone(),
            port: given.port.clone(),
            username: given.username.clone(),
            dbname: given.dbname.clone(),
            ..ConnectionFlags::default()
        },
        environment,
    )
}

/// Returns hosts and ports, without other parameters of the conninfo.
pub(super) fn format_hosts(conninfo: &Conninfo) -> String {
    let hosts: Vec<String> = conninfo.hosts.iter().map(|host| format!("{}:{}", host.name(), host.port)).collect();
    hosts.join(",")
}

/// Returns the password prompt: the role, and the hosts that the password would be sent to.
fn password_prompt(conninfo: &Conninfo) -> String {
    let host = |host: &Host| match host.port {
        5432 => host.name(),
        port => format!("{}:{port}", host.name()),
    };
    let hosts: Vec<String> = conninfo.hosts.iter().map(host).collect();
    format!("Password for user {} at {}: ", conninfo.user, hosts.join(", "))
}
