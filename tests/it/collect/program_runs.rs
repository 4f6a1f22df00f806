//! Collecting from a server: with the library, or with the program as a user runs it.

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pg_sandbox::Cluster;
use pgtend::collect::{Scope, collect_snapshot};
use pgtend::facts::{FactGroup, FactGroups, Snapshot};
use pgtend::postgres::Session;
use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Conninfo, Environment, resolve};
use serde_json::Value;
use tokio::process::{Child, Command};

/// The arguments of every report.
use crate::schemas::assert_output_is_valid;

pub const REPORT_COMMANDS: [&[&str]; 7] =
    [&["overview"], &["databases"], &["tables"], &["indexes"], &["slots"], &["wal"], &["snapshot"]];

/// Resolves a conninfo without environment variables and without a home directory.
pub fn parse_conninfo(text: &str) -> Arc<Conninfo> {
    let environment = Environment { os_user: Some("nobody".into()), ..Environment::default() };
    let flags = ConnectionFlags { dbname: Some(text.to_owned()), ..ConnectionFlags::default() };
    Arc::new(
        resolve(&ConnectionRequest { flags, environment, ..ConnectionRequest::default() })
            .expect("the conninfo resolves")
            .conninfo,
    )
}

/// The superuser's conninfo for a database of the cluster.
pub fn database_conninfo(cluster: &Cluster, database: &str) -> String {
    cluster.conninfo().replace("dbname=postgres", &format!("dbname={database}"))
}

/// The scope of relation sizes only.
pub fn relations_scope() -> Scope {
    Scope { facts: FactGroups::new(&[FactGroup::Relations]), ..Scope::default() }
}

pub async fn open_session(text: &str) -> Session {
    Session::open(parse_conninfo(text)).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub async fn collect_from_conninfo(text: &str, scope: &Scope) -> Snapshot {
    let session = open_session(text).await;
    collect_snapshot(&session, scope).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One run of the program.
pub struct ProgramRun {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub elapsed: Duration,
}

impl ProgramRun {
    fn from_output(output: Output, since: Instant) -> ProgramRun {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_output_is_valid(&output.stdout);
        ProgramRun { code: output.status.code(), stdout: output.stdout, stderr, elapsed: since.elapsed() }
    }

    /// Returns the JSON of a successful run.
    #[track_caller]
    pub fn report_json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout_text()))
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts that the run failed with an error message and without a panic.
    #[track_caller]
    pub fn assert_failed(&self) {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout_text(), self.stderr);
        assert!(self.stderr.starts_with("pgtend: "), "no error message: {}", self.stderr);
        assert!(!self.stderr.contains("bug"), "{}", self.stderr);
    }
}

/// The program with these arguments and a conninfo, without the environment of this machine.
pub fn pgtend_with_conninfo(conninfo: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(arguments).args(["-w", "-d", conninfo]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub async fn run_with_conninfo(conninfo: &str, arguments: &[&str]) -> ProgramRun {
    wait_for_run(start_with_conninfo(conninfo, arguments)).await
}

/// Runs a report and reads its JSON.
pub async fn report_json_of(conninfo: &str, arguments: &[&str]) -> Value {
    let format: &[&str] = if arguments == ["snapshot"] { &[] } else { &["--format", "json"] };
    run_with_conninfo(conninfo, &[arguments, format].concat()).await.report_json()
}

pub fn start_with_conninfo(conninfo: &str, arguments: &[&str]) -> Child {
    pgtend_with_conninfo(conninfo, arguments).spawn().expect("the program starts")
}

/// Waits for the end of the program, with a time limit.
pub async fn wait_for_run(child: Child) -> ProgramRun {
    let since = Instant::now();
    let output = tokio::time::timeout(Duration::from_secs(180), child.wait_with_output()).await;
    ProgramRun::from_output(output.expect("the program ends").expect("its output"), since)
}
