//! Looking at targets that nobody sits in front of: no question is asked on the terminal.

use super::Context;
use crate::{
    config::Config,
    error::Failure,
    inspect::Scope,
    model::Snapshot,
    options::OutputFormat,
    pg::{
        Session,
        conninfo::{Conninfo, Flags, Request, resolve},
    },
};
use std::sync::Arc;

impl Context {
    /// The target that was named.
    pub fn target(&self) -> Option<&str> {
        self.global.connection.target.as_deref()
    }

    pub fn format(&self) -> OutputFormat {
        self.global.output.format
    }

    /// Whether a target is named in another way than by the configuration.
    pub fn names_a_server(&self) -> bool {
        let connection = &self.global.connection;
        [&connection.host, &connection.port, &connection.username, &connection.dbname, &connection.target]
            .into_iter()
            .any(Option::is_some)
    }

    /// Whether a history is named on the command line.
    pub fn names_a_history(&self) -> bool {
        self.global.reading.history.is_some()
    }

    /// Where a target of the configuration is.
    pub fn conninfo_of(&self, config: &Config, target: &str) -> Result<Conninfo, Failure> {
        let target = config.target(target, &self.environment)?;
        let request = Request {
            flags: Flags { no_password: true, ..Flags::default() },
            target: Some(target),
            environment: self.environment.clone(),
        };
        Ok(resolve(&request)?.conninfo)
    }

    /// One look.
    pub async fn look_over(&self, conninfo: Conninfo, scope: &Scope) -> Result<Snapshot, Failure> {
        let session = Box::pin(Session::open(Arc::new(conninfo))).await?;
        Box::pin(self.inspect(&session, scope)).await
    }

    /// The snapshot of `--from`.
    pub fn snapshot_file(&self) -> Option<Result<Snapshot, Failure>> {
        self.global.reading.from.as_deref().map(super::read_snapshot)
    }
}

/// Host, port and database: what a conninfo is called where no target's name is known.
pub fn place_of(conninfo: &Conninfo) -> String {
    format!("{}/{}", super::name_of(conninfo), conninfo.dbname)
}
