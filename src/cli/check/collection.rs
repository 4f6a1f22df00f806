//! Collecting the snapshots of `pgtend check`.

use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, SharedServer};
use crate::cli::disk::DiskArgs;
use crate::collect::Scope;
use crate::config::Config;
use crate::facts::Snapshot;
use crate::postgres::conninfo::Conninfo;
use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

/// The source of a target's snapshot.
pub enum Source {
    Server(Box<Conninfo>),
    /// A snapshot that was collected earlier.
    File(Box<Snapshot>),
}

/// Collects the snapshots of all targets of a run.
pub struct TargetCollector<'a> {
    pub context: &'a Context,
    pub config: &'a Config,
    /// The number of targets that share the connections.
    pub concurrent_targets: usize,
    pub time_limit: Duration,
    pub disk: DiskArgs,
    /// Facts that are read once per server, by the server's key.
    pub servers: RefCell<HashMap<String, Rc<SharedServer>>>,
}

impl TargetCollector<'_> {
    /// Returns the snapshot of a target, with the disk size of the flags or the configuration.
    ///
    /// # Errors
    ///
    /// The source cannot be used, or the server does not answer within the time limit.
    pub async fn collect(&self, source: Result<Source, Failure>, target: Option<&str>) -> Result<Snapshot, Failure> {
        let mut snapshot = match source? {
            Source::Server(conninfo) => self.collect_from_server(*conninfo, target).await?,
            Source::File(snapshot) => *snapshot,
        };
        let configured = target.and_then(|name| self.config.disk_size(name));
        self.disk.apply_with_configured_size(&mut snapshot, configured);
        Ok(snapshot)
    }

    async fn collect_from_server(&self, conninfo: Conninfo, target: Option<&str>) -> Result<Snapshot, Failure> {
        let database_selection = self.context.database_selection_of(self.config, target);
        let scope = check_scope(Scope { database_selection, ..self.context.scope() }, self.concurrent_targets);
        let shared = Rc::clone(self.servers.borrow_mut().entry(conninfo.server_key()).or_default());
        // Targets that read several databases open further connections: one such target per server at a time.
        let _turn = if scope.database_selection.may_select_several() { Some(shared.lock_turn().await) } else { None };
        let collection = Box::pin(async {
            let replicas = target.map(|target| self.context.replicas_of(self.config, target)).transpose()?;
            let mut snapshot = self.context.collect_target(conninfo, &scope, &shared).await?;
            self.context.collect_replica_use(&replicas.unwrap_or_default(), &mut snapshot).await?;
            if let Some(target) = target {
                snapshot.connection = self.context.connection_of(target);
            }
            Ok(snapshot)
        });
        match tokio::time::timeout(self.time_limit, collection).await {
            Ok(collected) => collected,
            Err(_) => {
                let message = format!("no complete answer within {} s (--time-limit)", self.time_limit.as_secs());
                Err(Failure::new(ExitCode::Failed, message))
            }
        }
    }
}

/// Returns the scope of one target. A target that reads several databases uses all connections, since those of one server
/// take turns; other targets share the connections.
fn check_scope(requested: Scope, concurrent_targets: usize) -> Scope {
    let requested = if requested.database_selection.may_select_several() {
        requested
    } else {
        requested.share_for(concurrent_targets)
    };
    Scope::nightly().with_options_of(&requested)
}
