//! Faults that a run can encounter.

use std::time::Duration;

use pg_sandbox::{Cluster, StopMode};
use tokio::process::Child;
use tokio_postgres::Client;

use crate::clusters::{connect_superuser, execute_sql, wait_until};
use crate::proxy::{Behaviour, Proxy};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    ServerDies,
    ServerRestarts,
    ServerFreezes,
    Promotion,
    ConnectionCut,
    ConnectionStalled,
    SlowConnection,
    SessionEnded,
    TooManyConnections,
    TableLocked,
    StatementTimeout,
    Interrupted,
    Terminated,
    Killed,
}

impl Fault {
    pub const ALL: [Self; 14] = [
        Self::ServerDies,
        Self::ServerRestarts,
        Self::ServerFreezes,
        Self::Promotion,
        Self::ConnectionCut,
        Self::ConnectionStalled,
        Self::SlowConnection,
        Self::SessionEnded,
        Self::TooManyConnections,
        Self::TableLocked,
        Self::StatementTimeout,
        Self::Interrupted,
        Self::Terminated,
        Self::Killed,
    ];

    /// The network of the fault: slow enough that it can occur at any step of a run.
    pub fn network_behaviour(self) -> Behaviour {
        let half = Duration::from_millis(if self == Self::SlowConnection { 100 } else { 10 });
        Behaviour { to_server: half, to_client: half, stalled: false }
    }

    /// The role of the run; one has timeouts of 1 ms for statements, locks and transactions unless the session sets
    /// others.
    pub fn role(self) -> &'static str {
        if self == Self::StatementTimeout { "impatient" } else { "postgres" }
    }

    /// Prepares the condition that holds until the run ends.
    pub async fn prepare(self, cluster: &Cluster) -> Vec<Client> {
        let mut sessions = Vec::new();
        match self {
            Self::TooManyConnections => {
                let mut config: tokio_postgres::Config = cluster.conninfo().parse().expect("conninfo");
                config.application_name("crowd");
                while let Ok((client, connection)) = config.connect(tokio_postgres::NoTls).await {
                    tokio::spawn(connection);
                    sessions.push(client);
                }
            }
            Self::TableLocked => {
                let client = connect_superuser(cluster, "postgres").await;
                client.batch_execute("begin; lock kept in access exclusive mode").await.expect("a lock");
                sessions.push(client);
            }
            _ => {}
        }
        sessions
    }

    /// Causes the fault while the run is in progress.
    pub async fn apply(self, cluster: &mut Cluster, proxy: &Proxy, child: &Child) {
        // The duration of the fault.
        let fault_duration = || tokio::time::sleep(Duration::from_millis(150));
        match self {
            Self::ServerDies => cluster.stop(StopMode::Immediate).expect("it stops"),
            Self::ServerRestarts => {
                cluster.stop(StopMode::Fast).expect("it stops");
                cluster.start_server().expect("it starts again");
            }
            Self::ServerFreezes => {
                cluster.pause().expect("it freezes");
                fault_duration().await;
                cluster.resume().expect("it goes on");
            }
            Self::Promotion => cluster.promote().expect("it is promoted"),
            Self::ConnectionCut => proxy.cut_connections(),
            Self::ConnectionStalled => {
                proxy.stall();
                fault_duration().await;
                proxy.resume();
            }
            Self::SessionEnded => {
                let terminate_query =
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgtend'";
                execute_sql(cluster, "postgres", terminate_query).await;
            }
            Self::TooManyConnections | Self::TableLocked | Self::SlowConnection | Self::StatementTimeout => {}
            Self::Interrupted => send_signal(child, "INT"),
            Self::Terminated => send_signal(child, "TERM"),
            Self::Killed => send_signal(child, "KILL"),
        }
    }

    /// Waits until the server accepts connections again.
    pub async fn wait_until_repaired(self, cluster: &mut Cluster) {
        if self == Self::ServerDies {
            cluster.start_server().expect("it starts again");
        }
        let config: tokio_postgres::Config = cluster.conninfo().parse().expect("conninfo");
        let is_up = async || config.connect(tokio_postgres::NoTls).await.is_ok();
        wait_until("the server accepting connections", is_up).await;
    }
}

/// The process may have ended already.
fn send_signal(child: &Child, signal: &str) {
    if let Some(pid) = child.id() {
        let kill = std::process::Command::new("sh").args(["-c", "kill -s $0 $1", signal, &pid.to_string()]).output();
        kill.expect("sh is there");
    }
}
