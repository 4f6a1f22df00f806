//! Where to connect as the user said, and the session there.

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
    /// A connection to the server of the flags, whatever `--from` says.
    pub async fn session(&self) -> Result<Session, Failure> {
        let conninfo = self.conninfo()?;
        unless_interrupted(Box::pin(self.connect(conninfo)), async {}).await
    }

    /// Where to connect, worked out as psql would.
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

    /// The database that `-d` names beside `--target`.
    ///
    /// # Errors
    ///
    /// It is a connection string, which may name another server.
    pub fn database_of_target(&self) -> Result<Option<&str>, Failure> {
        let dbname = self.target().and(self.global.connection.dbname.as_deref()).filter(|name| !name.is_empty());
        if dbname.is_some_and(is_connection_string) {
            let message = "-d beside --target takes the name of a database, and this is a connection string";
            return Err(Failure::new(ExitCode::Usage, message)
                .with_hint(Some("leave out --target, or name a database of that target: -d DBNAME")));
        }
        Ok(dbname)
    }

    /// Says once that targets are from a file that was found in the working directory.
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

    /// Connects; asks for a password where the server wants one and none is known.
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

    /// Shows what the user should know about a connection.
    pub(super) fn print_session_warnings(&self, session: &Session) {
        for warning in session.warnings() {
            self.ui.warn(warning);
        }
    }

    /// How much of a server's answers is kept.
    pub(super) fn read_limits(&self) -> Result<ReadLimits, Failure> {
        Ok(self.config()?.read_limits())
    }
}

/// How printed commands reach the server that the flags name; a report from a file is of no server that is known.
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

/// Hosts and ports, which is all of a conninfo that may be shown.
pub(super) fn format_hosts(conninfo: &Conninfo) -> String {
    let hosts: Vec<String> = conninfo.hosts.iter().map(|host| format!("{}:{}", host.name(), host.port)).collect();
    hosts.join(",")
}

/// What the password is asked for: the role, and the hosts that it would be sent to.
fn password_prompt(conninfo: &Conninfo) -> String {
    let host = |host: &Host| match host.port {
        5432 => host.name(),
        port => format!("{}:{port}", host.name()),
    };
    let hosts: Vec<String> = conninfo.hosts.iter().map(host).collect();
    format!("Password for user {} at {}: ", conninfo.user, hosts.join(", "))
}
