//! Reading index use from standbys.

use super::{Context, connection::format_hosts, unless_interrupted};
use crate::app::error::Failure;
use crate::app::error::server_required;
use crate::app::exit_code::ExitCode;
use crate::collect::collect_replica;
use crate::facts::{Fact, Replica, ReplicaUse, Snapshot, Unavailable};
use crate::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Conninfo, resolve};

impl Context {
    /// Returns the standbys to read: those of `--replica`, else those of the target.
    pub fn replicas(&self, named: &[String]) -> Result<Vec<Conninfo>, Failure> {
        if !named.is_empty() && self.reads_snapshot_file() {
            return Err(server_required("--replica"));
        }
        let environment = || self.environment.clone();
        if let (true, Some(target), false) = (named.is_empty(), self.target(), self.reads_snapshot_file()) {
            return self.replicas_of(self.config()?, target);
        }
        let resolved = named.iter().map(|written| {
            let flags = ConnectionFlags { dbname: Some(written.clone()), ..ConnectionFlags::default() };
            let resolved =
                resolve(&ConnectionRequest { flags, environment: environment(), ..ConnectionRequest::default() })?;
            Ok(resolved.conninfo.with_limits(self.read_limits()?))
        });
        resolved.collect()
    }

    /// Reads the scan counters of standbys, for each database of the snapshot. A standby that does not answer is
    /// unavailable; a server that is not a standby of this one is a usage error.
    pub async fn collect_replica_use(&self, conninfos: &[Conninfo], snapshot: &mut Snapshot) -> Result<(), Failure> {
        let databases: Vec<String> =
            snapshot.database_snapshots.iter().map(|contents| contents.database.clone()).collect();
        self.collect_replicas(conninfos, &databases, snapshot).await
    }

    /// Reads the scan counters, slots and walsenders of standbys, over a connection to each of the databases.
    pub async fn collect_replicas(
        &self,
        conninfos: &[Conninfo],
        databases: &[String],
        snapshot: &mut Snapshot,
    ) -> Result<(), Failure> {
        for conninfo in conninfos {
            let name = format_hosts(conninfo);
            // If the conninfo has several hosts, the first session selects one, and the other sessions use it, too.
            let mut reached = conninfo.clone();
            for database in databases {
                let collection = async {
                    let session = self.connect(reached.with_dbname(database)).await?;
                    reached = session.conninfo().clone();
                    Ok::<ReplicaUse, Failure>(collect_replica(&session).await?)
                };
                let what = format!("reading {name}");
                // Boxed: the future is large. The failure of a standby does not end the run, but a signal does.
                let result = async { Ok(self.ui.with_spinner(&what, Box::pin(collection)).await) };
                let used = match unless_interrupted(result, async {}).await? {
                    Ok(used) => {
                        check_distinct_node(&name, &used, snapshot, database)?;
                        Fact::Known(used)
                    }
                    Err(failure) => {
                        let why = Unavailable::new("standby", failure.message).with_hint(failure.hint);
                        Fact::Unavailable(why)
                    }
                };
                snapshot.replicas.push(Replica { name: name.clone(), database: database.clone(), used });
            }
        }
        Ok(())
    }
}

/// Refuses a node that was already read, whose scans would count twice, and a node of another cluster.
fn check_distinct_node(name: &str, used: &ReplicaUse, snapshot: &Snapshot, database: &str) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::new(ExitCode::Usage, format!("standby {name}: {why}")));
    let local_identifier = snapshot.control.known().map(|control| &control.system_identifier);
    if let (Some(own), Some(theirs)) = (local_identifier, &used.system_identifier)
        && own != theirs
    {
        return refuse("it belongs to another cluster (its system identifier differs)".to_owned());
    }
    let before = snapshot.replicas.iter().filter(|replica| replica.database == database);
    let is_duplicate =
        before.filter_map(|replica| replica.used.known()).any(|other| other.started_at == used.started_at);
    if is_duplicate || used.started_at == snapshot.server.started_at {
        return refuse("this server is already included".to_owned());
    }
    if !used.in_recovery && !snapshot.server.in_recovery {
        return refuse("it is not a standby: it is not in recovery".to_owned());
    }
    Ok(())
}
