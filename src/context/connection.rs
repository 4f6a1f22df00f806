//! Where to connect as the user said, and the session there.

use super::{Context, unless_interrupted};
use crate::{
    error::Failure,
    pg::{
        ConnectError, ReadLimits, Session, SessionError,
        conninfo::{Conninfo, Flags, Place, Request, resolve},
    },
};
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
            Some(name) => Some(self.config()?.target(name, &self.environment)?),
            None => None,
        };
        let resolved = resolve(&Request {
            flags: Flags {
                host: connection.host.clone(),
                port: connection.port.clone(),
                username: connection.username.clone(),
                dbname: connection.dbname.clone(),
                no_password: connection.no_password,
                force_password: connection.password,
            },
            target,
            environment: self.environment.clone(),
        })?;
        for warning in &resolved.warnings {
            self.ui.warn(warning);
        }
        Ok(resolved.conninfo.with_limits(self.read_limits()?))
    }

    /// Connects; asks for a password where the server wants one and none is known.
    pub(super) async fn connect(&self, conninfo: Conninfo) -> Result<Session, Failure> {
        let prompt = format!("Password for user {}: ", conninfo.user);
        let mut conninfo = Arc::new(conninfo);
        if self.global.connection.password
            && let Some(password) = self.ui.password(&prompt).await
        {
            conninfo = Arc::new(conninfo.with_password(password.as_str()));
        }
        let session = match Session::open(Arc::clone(&conninfo)).await {
            Err(SessionError::Connect(ConnectError::PasswordNeeded(_)))
                if !self.global.connection.no_password && !self.global.connection.password =>
            {
                let Some(password) = self.ui.password(&prompt).await else {
                    return Ok(Session::open(conninfo).await?);
                };
                Session::open(Arc::new(conninfo.with_password(password.as_str()))).await?
            }
            result => result?,
        };
        self.warn_of(&session);
        Ok(session)
    }

    /// Shows what the user should know about a connection.
    pub(super) fn warn_of(&self, session: &Session) {
        for warning in session.warnings() {
            self.ui.warn(warning);
        }
    }

    /// How much of a server's answers is kept.
    pub(super) fn read_limits(&self) -> Result<ReadLimits, Failure> {
        Ok(self.config()?.read_limits())
    }
}

/// Host and port, which is all of a conninfo that may be shown.
pub(super) fn name_of(conninfo: &Conninfo) -> String {
    let place = |place: &Place| match place {
        Place::Tcp { host: Some(host), .. } => host.clone(),
        Place::Tcp { hostaddr: Some(address), .. } => address.to_string(),
        Place::Tcp { .. } => "localhost".to_owned(),
        Place::Socket(directory) => directory.display().to_string(),
    };
    let hosts: Vec<String> =
        conninfo.hosts.iter().map(|host| format!("{}:{}", place(&host.place), host.port)).collect();
    hosts.join(",")
}
