//! Looking at targets that nobody sits in front of: no question is asked on the terminal.

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

/// How long what a server says of its databases holds for the targets of one run.
const LISTING_MAX_AGE: Duration = Duration::from_secs(300);

/// What the targets of a run share that lead to one server.
#[derive(Debug, Default)]
pub struct SharedServer {
    turn: Mutex<()>,
    listing: Mutex<Option<(Instant, Rc<DatabaseList>)>>,
}

impl SharedServer {
    /// Waits until no other look of those that take turns is under way.
    pub async fn lock_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The server's databases. The first asks, those who come meanwhile wait for the answer; where it fails, the next asks.
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
    /// The target that was named.
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

    /// Which databases are read from inside: as the flags say, else as the target that was named does.
    pub(super) fn database_selection(&self) -> Result<DatabaseSelection, Failure> {
        Ok(match self.target().filter(|_| !self.reads_snapshot_file()) {
            None => self.database_selection_of(&Config::default(), None),
            target => self.database_selection_of(self.config()?, target),
        })
    }

    /// The same of a target of the configuration, or of a server that has no name there.
    pub fn database_selection_of(&self, config: &Config, target: Option<&str>) -> DatabaseSelection {
        match target {
            _ if self.all_databases() => DatabaseSelection::All,
            // -d names one of its databases.
            Some(target) if self.global.connection.dbname.is_none() => config.database_selection(target),
            _ => DatabaseSelection::Connected,
        }
    }

    /// Refuses a target of which several databases are listed, where something is for the one that is connected to.
    pub fn require_single_database(&self, what: &str) -> Result<(), Failure> {
        let DatabaseSelection::Listed(names) = self.database_selection()? else { return Ok(()) };
        let connected = self.conninfo()?.dbname;
        if names == [connected.as_str()] {
            return Ok(());
        }
        let target = self.target().unwrap_or_default();
        let listed = quoted_list(&names.iter().map(String::as_str).collect::<Vec<_>>(), "and");
        let message = format!("{what} is for one database, and target {target:?} lists {listed}");
        Err(Failure::new(ExitCode::Usage, message)
            .with_hint(Some("name one of its databases beside --target: -d DBNAME")))
    }

    pub fn format(&self) -> OutputFormat {
        self.global.output.format
    }

    /// Whether a target is named in another way than by the configuration.
    pub fn has_server_flag(&self) -> bool {
        let connection = &self.global.connection;
        [&connection.host, &connection.port, &connection.username, &connection.dbname, &connection.target]
            .into_iter()
            .any(Option::is_some)
    }

    /// Whether a history is named on the command line.
    pub fn has_history_flag(&self) -> bool {
        self.global.reading.history.is_some()
    }

    /// Where a target of the configuration is.
    pub fn conninfo_of(&self, config: &Config, target: &str) -> Result<Conninfo, Failure> {
        let target = config.target(target, &self.environment)?;
        let request = ConnectionRequest {
            flags: ConnectionFlags { no_password: true, ..ConnectionFlags::default() },
            target: Some(target),
            environment: self.environment.clone(),
        };
        Ok(self.print_resolve_warnings(resolve(&request)?).with_limits(config.read_limits()))
    }

    /// How printed commands reach a target of the configuration.
    pub fn connection_of(&self, target: &str) -> PrintedConnection {
        let given = &self.global.connection;
        let config = given.config.as_ref().map(|path| path.to_string_lossy());
        PrintedConnection::of_target(target, config.as_deref(), given.dbname.as_deref())
    }

    /// Where the standbys of a target of the configuration are.
    pub fn replicas_of(&self, config: &Config, target: &str) -> Result<Vec<Conninfo>, Failure> {
        let resolved = config.replicas(target, &self.environment)?.into_iter().map(|replica| {
            let flags = ConnectionFlags { no_password: true, ..ConnectionFlags::default() };
            let request = ConnectionRequest { flags, target: Some(replica), environment: self.environment.clone() };
            Ok(self.print_resolve_warnings(resolve(&request)?).with_limits(config.read_limits()))
        });
        resolved.collect()
    }

    /// Prints what was ignored, and returns where to connect.
    pub(super) fn print_resolve_warnings(&self, resolved: Resolved) -> Conninfo {
        for warning in &resolved.warnings {
            self.ui.warn(warning);
        }
        resolved.conninfo
    }

    /// One look. What all databases of a server have in common is asked once for those who share it.
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
            // An address of several servers, or one that was restarted just now.
            Box::pin(list_databases(&session)).await?.databases
        };
        Ok(snapshot)
    }

    /// The snapshot of `--from`.
    pub fn snapshot_file(&self) -> Option<Result<Snapshot, Failure>> {
        self.global.reading.from.as_deref().map(|path| self.read_snapshot(path))
    }
}

/// Returns the key of a snapshot file.
pub fn target_key_of_file(snapshot: &Snapshot) -> String {
    let identifier = snapshot.control.known().map(|control| control.system_identifier.as_str());
    format!("cluster {}", identifier.unwrap_or("unknown"))
}

/// Host, port and database: what a conninfo is called where no target's name is known.
pub fn target_key_of(conninfo: &Conninfo) -> String {
    format!("{}/{}", super::connection::format_hosts(conninfo), conninfo.dbname)
}
