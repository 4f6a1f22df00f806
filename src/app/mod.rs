//! One run of the program: the environment, the clock, the terminal, and how a command gets its snapshot and its history.

pub mod assessment;
pub mod options;

pub mod error;
pub mod exit_code;
pub mod history_url;
pub mod interrupt;
pub mod ui;

mod connection;
mod fleet;
mod history;
mod interruption;
mod snapshot_file;
mod standby;

pub use fleet::{SharedServer, target_key_of, target_key_of_file};
pub use interruption::unless_interrupted;

use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::options::{GlobalArgs, OutputFormat};
use crate::app::ui::{Ui, exit_code_of_completeness};
use crate::checks::Assessment;
use crate::collect::{Scope, collect_snapshot, read_wal_position_after};
use crate::config::Config;
use crate::facts::history::{ClusterBranch, Sample};
use crate::facts::{Fact, Snapshot};
use crate::history::StoreAddress;
use crate::postgres::Session;
use crate::postgres::conninfo::Environment;
use crate::quote::PrintedConnection;
use crate::report::{Envelope, Gaps, Report};
use anyhow::Context as _;
use jiff::Timestamp;
use std::{
    cell::{Cell, OnceCell},
    path::PathBuf,
    time::Duration,
};

/// One run of pgtend.
pub struct Context {
    pub ui: Ui,
    pub environment: Environment,
    /// Connection options that printed commands need for the server of this run.
    pub connection: PrintedConnection,
    global: GlobalArgs,
    config: OnceCell<Config>,
    /// Whether the note on the configuration file of the working directory was printed.
    working_directory_noted: Cell<bool>,
    /// The store's address, after it was resolved.
    history_address: OnceCell<Option<StoreAddress>>,
}

impl Context {
    pub fn new(global: GlobalArgs, environment: Environment) -> Context {
        let plain = environment.var("NO_COLOR").is_some() || environment.var("TERM") == Some("dumb");
        let columns = environment.var("COLUMNS").and_then(|columns| columns.parse().ok());
        let connection = connection::printed(&global, &environment);
        let ui = Ui::new(global.output.clone(), plain, columns, connection.clone());
        Context {
            ui,
            connection,
            environment,
            global,
            config: OnceCell::new(),
            working_directory_noted: Cell::new(false),
            history_address: OnceCell::new(),
        }
    }

    /// Returns the first given option that concerns a server, a snapshot file or a history.
    #[cfg(feature = "demo")]
    pub fn unused_server_option(&self) -> Option<&'static str> {
        let (connection, reading) = (&self.global.connection, &self.global.reading);
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let given = [
            ("--host", is_given(&connection.host)),
            ("--port", is_given(&connection.port)),
            ("--username", is_given(&connection.username)),
            ("--dbname", is_given(&connection.dbname)),
            ("--password", connection.password),
            ("--target", connection.target.is_some()),
            ("--config", connection.config.is_some()),
            ("--from", reading.from.is_some()),
            ("--since", !reading.since.is_empty()),
            ("--history", reading.history.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    /// Returns the same run for a throwaway cluster, with its own environment and history store. The configuration is not
    /// read.
    #[cfg(feature = "demo")]
    pub fn for_throwaway_cluster(&self, variables: [(&str, String); 4], history: &std::path::Path) -> Context {
        let global = self.global.clone();
        let is_foreign = |name: &str| name.starts_with("PG") || name == "DATABASE_URL";
        let mut environment = self.environment.clone();
        environment.vars.retain(|name, _| !is_foreign(name));
        environment.vars.extend(variables.map(|(name, value)| (name.to_owned(), value)));
        environment.vars.insert("PGTEND_HISTORY".to_owned(), history.display().to_string());
        let config = OnceCell::from(Config::default());
        let connection = connection::printed(&global, &environment);
        Context {
            ui: self.ui.reached_by(connection.clone()),
            connection,
            environment,
            global,
            config,
            working_directory_noted: Cell::new(false),
            history_address: OnceCell::new(),
        }
    }

    /// Returns the part of a scope that flags decide, for reports on the connected database.
    pub fn scope(&self) -> Scope {
        Scope { exact: self.global.reading.exact, jobs: self.jobs(), concurrent_size: true, ..Scope::default() }
    }

    /// Returns the same for reports that read all databases that the flags or the target select.
    pub fn scope_with_databases(&self) -> Result<Scope, Failure> {
        Ok(Scope { database_selection: self.database_selection()?, ..self.scope() })
    }

    /// Returns the maximum number of connections.
    pub fn jobs(&self) -> usize {
        usize::from(self.global.reading.jobs)
    }

    pub fn all_databases(&self) -> bool {
        self.global.reading.all_databases
    }

    pub fn reads_snapshot_file(&self) -> bool {
        self.global.reading.from.is_some()
    }

    /// Returns whether the format is for people; then lists are limited by default.
    pub fn for_people(&self) -> bool {
        matches!(self.global.output.format, OutputFormat::Table | OutputFormat::Markdown | OutputFormat::Html)
    }

    /// Whether the report is a table for a terminal.
    pub fn is_table(&self) -> bool {
        self.global.output.format == OutputFormat::Table
    }

    /// Returns a snapshot: from the file of `--from`, else of the server.
    pub async fn collect_snapshot(&self, scope: Scope) -> Result<Snapshot, Failure> {
        self.collect_with_later_wal(scope, None).await
    }

    /// Returns a snapshot, with the WAL position after a delay.
    pub async fn collect_with_later_wal(&self, scope: Scope, later: Option<Duration>) -> Result<Snapshot, Failure> {
        if let Some(path) = &self.global.reading.from {
            return self.read_snapshot(path);
        }
        let session = self.session().await?;
        // Boxed: the future of a whole collection is too large for the stack.
        let work = Box::pin(async {
            let mut snapshot = self.collect(&session, &scope).await?;
            if let Some(wait) = later
                && let Fact::Known(position) = read_wal_position_after(&session, wait).await?
            {
                snapshot.wal_position_later = Some(position);
            }
            Ok(snapshot)
        });
        self.run_cancellable(&session, work).await
    }

    /// Collects a snapshot in an existing session.
    pub async fn collect_in_session(&self, session: &Session, scope: &Scope) -> Result<Snapshot, Failure> {
        self.run_cancellable(session, Box::pin(self.collect(session, scope))).await
    }

    /// Collects a snapshot and notes the address at which the connection reached the server.
    async fn collect(&self, session: &Session, scope: &Scope) -> Result<Snapshot, Failure> {
        let mut snapshot = collect_snapshot(session, scope).await?;
        let machine = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let socket = || session.endpoint().socket_address_on(machine.as_deref()?);
        snapshot.address = snapshot.address.take().or_else(socket);
        snapshot.connection = self.connection.clone();
        Ok(snapshot)
    }

    /// The working directory.
    pub fn working_directory(&self) -> Result<PathBuf, Failure> {
        Ok(std::env::current_dir().context("cannot determine the working directory")?)
    }

    /// Prints a report, and returns the exit code that its completeness implies.
    pub fn print_report<R: Report>(&self, snapshot: &Snapshot, report: R, gaps: Gaps) -> Result<ExitCode, Failure> {
        let envelope = Envelope::new(snapshot, report, gaps);
        self.ui.print_report(&envelope)?;
        Ok(exit_code_of_completeness(self.global.output.strict, envelope.is_incomplete()))
    }

    /// Prints a report with the findings that concern it.
    pub fn print_assessed_report<R: Report>(
        &self,
        snapshot: &Snapshot,
        report: R,
        assessment: &Assessment,
        gaps: Gaps,
    ) -> Result<ExitCode, Failure> {
        let envelope = Envelope::new(snapshot, report, gaps).with_findings(&assessment.summary.findings);
        self.ui.print_report(&envelope)?;
        Ok(exit_code_of_completeness(self.global.output.strict, envelope.is_incomplete()))
    }

    /// Prints a report on the history, which needs no server.
    pub fn print_history_report<R: Report>(
        &self,
        newest_sample: Option<(&ClusterBranch, &Sample)>,
        report: R,
        gaps: Gaps,
    ) -> Result<ExitCode, Failure> {
        let envelope =
            Envelope::from_history(self.now(), newest_sample, report, gaps).reached_by(self.connection.clone());
        self.ui.print_report(&envelope)?;
        Ok(exit_code_of_completeness(self.global.output.strict, envelope.is_incomplete()))
    }

    /// The clock of this machine.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Returns the configured size of the target's disk, in bytes.
    pub fn target_disk_size(&self) -> Result<Option<u64>, Failure> {
        match &self.global.connection.target {
            Some(name) => Ok(self.config()?.disk_size(name)),
            None => Ok(None),
        }
    }

    /// Returns the configuration, which is read at the first call.
    pub fn config(&self) -> Result<&Config, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let cwd = std::env::current_dir().context("cannot determine the working directory")?;
        let config = Config::read(self.global.connection.config.as_deref(), &self.environment, &cwd)?;
        for warning in config.warnings() {
            self.ui.warn(warning);
        }
        Ok(self.config.get_or_init(|| config))
    }
}
