//! The standbys that are asked beside the server, and which of them are refused.

use super::{Context, connection::name_of, unless_interrupted};
use crate::{
    commands::filter::needs_a_server,
    error::Failure,
    exit_code::ExitCode,
    inspect::ask_replica,
    model::{Fact, Replica, ReplicaUse, Snapshot, Unavailable},
    pg::conninfo::{Conninfo, Flags, Request, resolve},
};

impl Context {
    /// The standbys to ask: those that were named, else those of the target that was.
    pub fn replicas(&self, named: &[String]) -> Result<Vec<Conninfo>, Failure> {
        if !named.is_empty() && self.reads_a_file() {
            return Err(needs_a_server("--replica"));
        }
        let environment = || self.environment.clone();
        if let (true, Some(target), false) = (named.is_empty(), self.target(), self.reads_a_file()) {
            return self.replicas_of(self.config()?, target);
        }
        let resolved = named.iter().map(|written| {
            let flags = Flags { dbname: Some(written.clone()), ..Flags::default() };
            let resolved = resolve(&Request { flags, environment: environment(), ..Request::default() })?;
            Ok(resolved.conninfo.with_limits(self.read_limits()?))
        });
        resolved.collect()
    }

    /// Asks standbys for the scans they counted themselves, for each database of the snapshot. One that does not answer
    /// is an unknown; one that is no standby of this server is refused.
    pub async fn ask_replicas(&self, conninfos: &[Conninfo], snapshot: &mut Snapshot) -> Result<(), Failure> {
        let databases: Vec<String> = snapshot.contents.iter().map(|contents| contents.database.clone()).collect();
        for conninfo in conninfos {
            let name = name_of(conninfo);
            // The first session decides which of several hosts is asked; those for other databases go to the same one.
            let mut reached = conninfo.clone();
            for database in &databases {
                let look = async {
                    let session = self.connect(reached.with_dbname(database)).await?;
                    reached = session.conninfo().clone();
                    Ok::<ReplicaUse, Failure>(ask_replica(&session).await?)
                };
                let what = format!("reading {name}");
                // Boxed: connecting is a large future. A standby may fail, an interruption ends it all.
                let looked = async { Ok(self.ui.patiently(&what, Box::pin(look)).await) };
                let used = match unless_interrupted(looked, async {}).await? {
                    Ok(used) => {
                        is_another_node(&name, &used, snapshot, database)?;
                        Fact::Known(used)
                    }
                    Err(failure) => {
                        let why = Unavailable::because("standby", failure.message).with_hint(failure.hint);
                        Fact::Unavailable(why)
                    }
                };
                snapshot.replicas.push(Replica { name: name.clone(), database: database.clone(), used });
            }
        }
        Ok(())
    }
}

/// The same node asked twice would count its scans twice; another cluster's OIDs mean other indexes.
fn is_another_node(name: &str, used: &ReplicaUse, snapshot: &Snapshot, database: &str) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::new(ExitCode::Usage, format!("standby {name}: {why}")));
    let own = snapshot.control.known().map(|control| &control.system_identifier);
    if let (Some(own), Some(theirs)) = (own, &used.system_identifier)
        && own != theirs
    {
        return refuse("it belongs to another cluster (its system identifier differs)".to_owned());
    }
    let before = snapshot.replicas.iter().filter(|replica| replica.database == database);
    let twice = before.filter_map(|replica| replica.used.known()).any(|other| other.started_at == used.started_at);
    if twice || used.started_at == snapshot.server.started_at {
        return refuse("this server is asked already".to_owned());
    }
    if !used.in_recovery && !snapshot.server.in_recovery {
        return refuse("it is no standby: it is not in recovery".to_owned());
    }
    Ok(())
}
