//! Collecting from targets of the configuration, without prompts.

use super::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::options::OutputFormat;
use crate::collect::{CollectError, DatabaseList, DatabaseSelection, Scope, list_databases};
use crate::config::Config;
use crate::config::nearest::quoted_list;
use crate::facts::{FactGroup, FactGroups, Snapshot};
use crate::postgres::Session;
use crate::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Conninfo, Resolved, resolve};
use crate::quote::PrintedConnection;
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

/// Maximum age of a list of databases that the targets of one run share.
const LISTING_MAX_AGE: Duration = Duration::from_secs(300);

/// State that the targets of one server share during a run.
#[derive(Debug, Default)]
pub struct SharedServer {
    turn: Mutex<()>,
    listing: Mutex<Option<(Instant, Rc<DatabaseList>)>>,
}

impl SharedServer {
    /// Waits until no other target of this server that takes turns is being collected.
    pub async fn lock_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Returns the server's databases. The first caller queries them, concurrent callers wait for the result; after an error,
    /// the next caller queries again.
    async fn database_listing(&self, session: &Session) -> Result<Rc<DatabaseList>, CollectError> {
        let mut known = self.listing.lock().await;
        if let Some((listed_at, listing)) = known.as_ref().filter(|(instant, _)| instant.elapsed() < LISTING_MAX_AGE) {
            tracing::info!("databases were listed {:.1} s ago", listed_at.elapsed().as_secs_f64());
            return Ok(Rc::clone(listing));
        }
        let listing = Rc::new(list_databases(session).await?);
        *known = Some((Instant::now(), Rc::clone(&listing)));
        Ok(listing)
    }
}

impl Context {
    /// Returns the target of `--target`.
    pub fn target(&self) -> Option<&str> {
        self.global.connection.target.as_deref()
    }

    /// Returns the key under which the store keeps the checks of a snapshot's server; `None` where it is not known.
    pub fn target_key(&self, snapshot: &Snapshot) -> Option<String> {
        if self.reads_snapshot_file() {
            return Some(target_key_of_file(snapshot));
        }
        match (self.target(), self.database_of_target().ok()?) {
            (Some(target), Some(dbname)) => Some(format!("{target}/{dbname}")),
            (Some(target), None) => Some(target.to_owned()),
            (None, _) => self.conninfo().ok().map(|conninfo| target_key_of(&conninfo)),
        }
    }

    /// Returns the database selection of the flags, else of the target.
    pub(super) fn database_selection(&self) -> Result<DatabaseSelection, Failure> {
        Ok(match self.target().filter(|_| !self.reads_snapshot_file()) {
            None => self.database_selection_of(&Config::default(), None),
            target => self.database_selection_of(self.config()?, target),
        })
    }

    /// Returns the database selection for a target of the configuration, or for a server without a target.
    pub fn database_selection_of(&self, config: &Config, target: Option<&str>) -> DatabaseSelection {
        match target {
            _ if self.all_databases() => DatabaseSelection::All,
            // -d selects one database of the target.
            Some(target) if self.global.connection.dbname.is_none() => config.database_selection(target),
            _ => DatabaseSelection::Connected,
        }
    }

    /// Refuses a target that lists several databases, for a command that works on one.
    pub fn require_single_database(&self, what: &str) -> Result<(), Failure> {
        let DatabaseSelection::Listed(names) = self.database_selection()? else { return Ok(()) };
        let connected = self.conninfo()?.dbname;
        if names == [connected.as_str()] {
            return Ok(());
        }
        let target = self.target().unwrap_or_default();
        let listed = quoted_list(&names.iter().map(String::as_str).collect::<Vec<_>>(), "and");
        let message = format!("{what} works on one database, but target {target:?} lists {listed}");
        Err(Failure::new(ExitCode::Usage, message).with_hint(Some("select one of them: -d DBNAME")))
    }

    pub fn format(&self) -> OutputFormat {
        self.global.output.format
    }

    /// Returns whether connection options or `--target` are given.
    pub fn has_server_flag(&self) -> bool {
        let connection = &self.global.connection;
        [&connection.host, &connection.port, &connection.username, &connection.dbname, &connection.target]
            .into_iter()
            .any(Option::is_some)
    }

    /// Returns whether `--history` is given.
    pub fn has_history_flag(&self) -> bool {
        self.global.reading.history.is_some()
    }

    /// Returns the conninfo of a target of the configuration.
    pub fn conninfo_of(&self, config: &Config, target: &str) -> Result<Conninfo, Failure> {
        let target = config.target(target, &self.environment)?;
        let request = ConnectionRequest {
            flags: ConnectionFlags { no_password: true, ..ConnectionFlags::default() },
            target: Some(target),
            environment: self.environment.clone(),
        };
        Ok(self.print_resolve_warnings(resolve(&request)?).with_limits(config.read_limits()))
    }

    /// Returns the connection options that printed commands need for a target of the configuration.
    pub fn connection_of(&self, target: &str) -> PrintedConnection {
        let given = &self.global.connection;
        let config = given.config.as_ref().map(|path| path.to_string_lossy());
        PrintedConnection::of_target(target, config.as_deref(), given.dbname.as_deref())
    }

    /// Returns the conninfos of the standbys of a target.
    pub fn replicas_of(&self, config: &Config, target: &str) -> Result<Vec<Conninfo>, Failure> {
        let resolved = config.replicas(target, &self.environment)?.into_iter().map(|replica| {
            let flags = ConnectionFlags { no_password: true, ..ConnectionFlags::default() };
            let request = ConnectionRequest { flags, target: Some(replica), environment: self.environment.clone() };
            Ok(self.print_resolve_warnings(resolve(&request)?).with_limits(config.read_limits()))
        });
        resolved.collect()
    }

    /// Prints the warnings, and returns the conninfo.
    pub(super) fn print_resolve_warnings(&self, resolved: Resolved) -> Conninfo {
        for warning in &resolved.warnings {
            self.ui.warn(warning);
        }
        resolved.conninfo
    }

    /// Collects a snapshot of a target. Targets of one server share the list of databases.
    pub async fn collect_target(
        &self,
        conninfo: Conninfo,
        scope: &Scope,
        shared: &SharedServer,
    ) -> Result<Snapshot, Failure> {
        let session = Box::pin(Session::open_with_retry(&Arc::new(conninfo))).await?;
        self.print_session_warnings(&session);
        if scope.database_selection.may_select_several() {
            return Box::pin(self.collect(&session, scope)).await;
        }
        let listing = Box::pin(shared.database_listing(&session)).await?;
        let facts = scope.facts.without(FactGroups::new(&[FactGroup::Databases]));
        let mut snapshot = Box::pin(self.collect(&session, &Scope { facts, ..scope.clone() })).await?;
        snapshot.databases = if listing.started_at == snapshot.server.started_at {
            listing.databases.clone()
        } else {
            // The address leads to several servers, or the server was just restarted: the shared list is not its own.
            Box::pin(list_databases(&session)).await?.databases
        };
        Ok(snapshot)
    }

    /// Returns the snapshot of `--from`.
    pub fn snapshot_file(&self) -> Option<Result<Snapshot, Failure>> {
        self.global.reading.from.as_deref().map(|path| self.read_snapshot(path))
    }
}

/// Returns the key of a snapshot file.
pub fn target_key_of_file(snapshot: &Snapshot) -> String {
    let identifier = snapshot.control.known().map(|control| control.system_identifier.as_str());
    format!("cluster {}", identifier.unwrap_or("unknown"))
}

/// Returns host, port and database: the key of a server without a target name.
pub fn target_key_of(conninfo: &Conninfo) -> String {
    format!("{}/{}", super::connection::format_hosts(conninfo), conninfo.dbname)
}
