//! Looking at targets that nobody sits in front of: no question is asked on the terminal.

use super::Context;
use crate::{
    config::{Config, nearest::quoted},
    error::Failure,
    exit_code::ExitCode,
    inspect::{InspectError, Listing, Reach, Scope, list_databases},
    model::{PrintedConnection, Snapshot},
    options::OutputFormat,
    pg::{
        Session,
        conninfo::{Conninfo, Flags, Request, Resolved, resolve},
    },
};
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

/// How long what a server says of its databases holds for the targets of one run.
const FRESH: Duration = Duration::from_secs(300);

/// What the targets of a run share that lead to one server.
#[derive(Debug, Default)]
pub struct Shared {
    turn: Mutex<()>,
    listing: Mutex<Option<(Instant, Rc<Listing>)>>,
}

impl Shared {
    /// Waits until no other look of those that take turns is under way.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The server's databases. The first asks, those who come meanwhile wait for the answer; where it fails, the next asks.
    async fn listing(&self, session: &Session) -> Result<Rc<Listing>, InspectError> {
        let mut known = self.listing.lock().await;
        if let Some((at, listing)) = known.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            tracing::info!("databases were listed {:.1} s ago", at.elapsed().as_secs_f64());
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

    /// Which databases are read from inside: as the flags say, else as the target that was named does.
    pub(super) fn reach(&self) -> Result<Reach, Failure> {
        Ok(match self.target().filter(|_| !self.reads_a_file()) {
            None => self.reach_of(&Config::default(), None),
            target => self.reach_of(self.config()?, target),
        })
    }

    /// The same of a target of the configuration, or of a server that has no name there.
    pub fn reach_of(&self, config: &Config, target: Option<&str>) -> Reach {
        match target {
            _ if self.all_databases() => Reach::All,
            // -d names one of its databases.
            Some(target) if self.global.connection.dbname.is_none() => config.reach(target),
            _ => Reach::Connected,
        }
    }

    /// Refuses a target of which several databases are listed, where something is for the one that is connected to.
    pub fn wants_one_database(&self, what: &str) -> Result<(), Failure> {
        let Reach::Listed(names) = self.reach()? else { return Ok(()) };
        let connected = self.conninfo()?.dbname;
        if names == [connected.as_str()] {
            return Ok(());
        }
        let target = self.target().unwrap_or_default();
        let listed = quoted(&names.iter().map(String::as_str).collect::<Vec<_>>(), "and");
        let message = format!("{what} is for one database, and target {target:?} lists {listed}");
        Err(Failure::new(ExitCode::Usage, message)
            .with_hint(Some("name one of its databases beside --target: -d DBNAME")))
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
        Ok(self.with_warnings(resolve(&request)?).with_limits(config.read_limits()))
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
            let flags = Flags { no_password: true, ..Flags::default() };
            let request = Request { flags, target: Some(replica), environment: self.environment.clone() };
            Ok(self.with_warnings(resolve(&request)?).with_limits(config.read_limits()))
        });
        resolved.collect()
    }

    /// Prints what was ignored, and returns where to connect.
    pub(super) fn with_warnings(&self, resolved: Resolved) -> Conninfo {
        for warning in &resolved.warnings {
            self.ui.warn(warning);
        }
        resolved.conninfo
    }

    /// One look. What all databases of a server have in common is asked once for those who share it.
    pub async fn look_over(&self, conninfo: Conninfo, scope: &Scope, shared: &Shared) -> Result<Snapshot, Failure> {
        let session = Box::pin(Session::open_in_line(&Arc::new(conninfo))).await?;
        self.warn_of(&session);
        if scope.reach.may_be_several() {
            return Box::pin(self.inspect(&session, scope)).await;
        }
        let listing = Box::pin(shared.listing(&session)).await?;
        let mut snapshot = Box::pin(self.inspect(&session, &Scope { databases: false, ..scope.clone() })).await?;
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

/// Host, port and database: what a conninfo is called where no target's name is known.
pub fn place_of(conninfo: &Conninfo) -> String {
    format!("{}/{}", super::connection::name_of(conninfo), conninfo.dbname)
}
