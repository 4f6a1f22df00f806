//! What a command gets from the roof: the environment read once, a way to look, a way to show.

use crate::{
    config::Config,
    error::Failure,
    exit_code::ExitCode,
    history_url::history_url,
    inspect::{Scope, inspect, wal_position_after},
    model::{
        Fact, Snapshot,
        past::{Lineage, Sample},
    },
    options::{ConnectionArgs, GlobalArgs, OutputFormat},
    pg::{
        ConnectError, Session, SessionError,
        conninfo::{Conninfo, Environment, Flags, Request, resolve},
    },
    report::{Envelope, Gaps, Report},
    ui::{Ui, completeness},
};
use anyhow::Context as _;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// One run of pgtend.
pub struct Context {
    pub ui: Ui,
    pub environment: Environment,
    global: GlobalArgs,
}

impl Context {
    pub fn new(global: GlobalArgs, environment: Environment) -> Context {
        let plain = environment.var("NO_COLOR").is_some() || environment.var("TERM") == Some("dumb");
        let columns = environment.var("COLUMNS").and_then(|columns| columns.parse().ok());
        Context { ui: Ui::new(global.output.clone(), plain, columns), environment, global }
    }

    /// The same run, looking at another server than the one the user named.
    pub fn looking_at(&self, conninfo: String) -> Context {
        let mut global = self.global.clone();
        let nowhere = ConnectionArgs { dbname: Some(conninfo), no_password: true, ..ConnectionArgs::default() };
        global.connection = nowhere;
        global.reading.from = None;
        let is_libpq = |name: &str| name.starts_with("PG") || name == "DATABASE_URL";
        let mut environment = self.environment.clone();
        environment.vars.retain(|name, _| !is_libpq(name));
        Context { ui: self.ui.clone(), environment, global }
    }

    /// The part of a scope that flags decide.
    pub fn scope(&self) -> Scope {
        let reading = &self.global.reading;
        Scope {
            exact: reading.exact,
            all_databases: reading.all_databases,
            jobs: usize::from(reading.jobs),
            ..Scope::default()
        }
    }

    pub fn all_databases(&self) -> bool {
        self.global.reading.all_databases
    }

    pub fn reads_a_file(&self) -> bool {
        self.global.reading.from.is_some()
    }

    /// Whether the report is for people, who want the top of a list rather than all of it.
    pub fn for_people(&self) -> bool {
        matches!(self.global.output.format, OutputFormat::Table | OutputFormat::Markdown)
    }

    /// A snapshot: from the file of `--from`, else of a server.
    pub async fn look(&self, scope: Scope) -> Result<Snapshot, Failure> {
        self.look_twice(scope, None).await
    }

    /// A snapshot, and where WAL is some time later.
    pub async fn look_twice(&self, scope: Scope, later: Option<Duration>) -> Result<Snapshot, Failure> {
        Ok(self.look_at(scope, later).await?.0)
    }

    /// A snapshot, and where the server was reached when that says more than "this machine".
    pub async fn look_at(&self, scope: Scope, later: Option<Duration>) -> Result<(Snapshot, Option<String>), Failure> {
        if let Some(path) = &self.global.reading.from {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let read = Snapshot::from_json(&text);
            let snapshot = read.with_context(|| format!("cannot use {} as a snapshot", path.display()))?;
            return Ok((snapshot, None));
        }
        let conninfo = self.conninfo()?;
        let session = unless_interrupted(self.connect(conninfo), async {}).await?;
        let canceller = session.canceller().clone();
        let work = async {
            let mut snapshot = inspect(&session, &scope).await?;
            if let Some(wait) = later
                && let Fact::Known(position) = wal_position_after(&session, wait).await?
            {
                snapshot.wal_position_later = Some(position);
            }
            Ok((snapshot, session.endpoint().beyond_this_machine()))
        };
        let what = format!("reading {}", session.endpoint());
        unless_interrupted(self.ui.patiently(&what, work), async {
            // The run ends either way; a server that cannot be told will notice that its client is gone.
            canceller.cancel().await.ok();
        })
        .await
    }

    /// Shows a report and answers with what its completeness means for the exit code.
    pub fn show<R: Report>(&self, snapshot: &Snapshot, report: R, gaps: Gaps) -> Result<ExitCode, Failure> {
        let envelope = Envelope::new(snapshot, report, gaps);
        self.ui.report(&envelope)?;
        Ok(completeness(self.global.output.strict, envelope.is_incomplete()))
    }

    /// Shows a report on what is remembered, whatever server there may be now.
    pub fn show_remembered<R: Report>(
        &self,
        remembered: Option<(&Lineage, &Sample)>,
        report: R,
        gaps: Gaps,
    ) -> Result<ExitCode, Failure> {
        let envelope = Envelope::remembered(self.now(), remembered, report, gaps);
        self.ui.report(&envelope)?;
        Ok(completeness(self.global.output.strict, envelope.is_incomplete()))
    }

    /// The clock of this machine.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Where samples and deeds are kept; `None` for nowhere.
    pub fn history_url(&self) -> Result<Option<String>, Failure> {
        history_url(self.global.reading.history.as_deref(), &self.environment)
    }

    /// Where to connect, worked out as psql would.
    pub fn conninfo(&self) -> Result<Conninfo, Failure> {
        let connection = &self.global.connection;
        let target = match &connection.target {
            Some(name) => Some(self.config()?.target(name, &self.environment)?),
            None => None,
        };
        let resolved = resolve(&Request {
            flags: Flags {
                host: connection.host.clone(),
                port: connection.port.clone(),
                username: connection.username.clone(),
                dbname: connection.dbname.clone(),
                no_password: connection.no_password,
                force_password: connection.password,
            },
            target,
            environment: self.environment.clone(),
        })?;
        for warning in &resolved.warnings {
            self.ui.warn(warning);
        }
        Ok(resolved.conninfo)
    }

    /// The configuration file, read when something needs it.
    fn config(&self) -> Result<Config, Failure> {
        let cwd = std::env::current_dir().context("cannot tell the working directory")?;
        let config = Config::read(self.global.connection.config.as_deref(), &self.environment, &cwd)?;
        for warning in config.warnings() {
            self.ui.warn(warning);
        }
        Ok(config)
    }

    /// Connects; asks for a password where the server wants one and none is known.
    async fn connect(&self, conninfo: Conninfo) -> Result<Session, Failure> {
        let prompt = format!("Password for user {}: ", conninfo.user);
        let mut conninfo = Arc::new(conninfo);
        if self.global.connection.password
            && let Some(password) = self.ui.password(&prompt)
        {
            conninfo = Arc::new(conninfo.with_password(password.as_str()));
        }
        match Session::open(Arc::clone(&conninfo)).await {
            Err(SessionError::Connect(ConnectError::PasswordNeeded(_)))
                if !self.global.connection.no_password && !self.global.connection.password =>
            {
                let Some(password) = self.ui.password(&prompt) else {
                    return Ok(Session::open(conninfo).await?);
                };
                Ok(Session::open(Arc::new(conninfo.with_password(password.as_str()))).await?)
            }
            result => Ok(result?),
        }
    }
}

/// Does the work, unless Ctrl-C or SIGTERM comes first; then cleans up and says so.
pub async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
    clean_up: impl Future<Output = ()>,
) -> Result<T, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        result = work => result,
        _ = interrupt.recv() => { clean_up.await; Err(Failure::interrupted()) }
        _ = terminate.recv() => { clean_up.await; Err(Failure::interrupted()) }
    }
}
