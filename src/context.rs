//! What a command gets from the roof: the environment read once, a way to look, a way to show.

mod fleet;
mod memory;

pub use fleet::{Shared, place_of};

use crate::{
    commands::filter::needs_a_server,
    config::Config,
    error::Failure,
    exit_code::ExitCode,
    inspect::{Scope, ask_replica, inspect, wal_position_after},
    interrupt,
    model::{
        Fact, Replica, ReplicaUse, Snapshot, Unavailable,
        past::{Lineage, Sample},
    },
    options::{ConnectionArgs, GlobalArgs, OutputFormat},
    pg::{
        ConnectError, Session, SessionError,
        conninfo::{Conninfo, Environment, Flags, Place, Request, resolve},
    },
    report::{Envelope, Gaps, Report},
    ui::{Ui, completeness},
};
use anyhow::Context as _;
use jiff::Timestamp;
use std::{
    cell::{Cell, OnceCell},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// One run of pgtend.
pub struct Context {
    pub ui: Ui,
    pub environment: Environment,
    global: GlobalArgs,
    config: OnceCell<Config>,
    /// Whether there is a history at all: a throwaway cluster has none.
    has_history: bool,
}

impl Context {
    pub fn new(global: GlobalArgs, environment: Environment) -> Context {
        let plain = environment.var("NO_COLOR").is_some() || environment.var("TERM") == Some("dumb");
        let columns = environment.var("COLUMNS").and_then(|columns| columns.parse().ok());
        let ui = Ui::new(global.output.clone(), plain, columns);
        Context { ui, environment, global, config: OnceCell::new(), has_history: true }
    }

    /// The same run, looking at a throwaway cluster instead of the server the user named; what it does there is
    /// journalled in a history of its own, and no report reads that.
    pub fn looking_at(&self, conninfo: String, history: &Path) -> Context {
        let mut global = self.global.clone();
        let nowhere = ConnectionArgs { dbname: Some(conninfo), no_password: true, ..ConnectionArgs::default() };
        global.connection = nowhere;
        global.reading.history = Some(history.display().to_string());
        global.reading.from = None;
        global.reading.since.clear();
        let is_libpq = |name: &str| name.starts_with("PG") || name == "DATABASE_URL";
        let mut environment = self.environment.clone();
        environment.vars.retain(|name, _| !is_libpq(name));
        let config = OnceCell::from(Config::default());
        Context { ui: self.ui.clone(), environment, global, config, has_history: false }
    }

    /// The part of a scope that flags decide.
    pub fn scope(&self) -> Scope {
        let reading = &self.global.reading;
        Scope {
            exact: reading.exact,
            all_databases: reading.all_databases,
            jobs: usize::from(reading.jobs),
            beside: true,
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
        matches!(self.global.output.format, OutputFormat::Table | OutputFormat::Markdown | OutputFormat::Html)
    }

    /// A snapshot: from the file of `--from`, else of a server.
    pub async fn look(&self, scope: Scope) -> Result<Snapshot, Failure> {
        self.look_twice(scope, None).await
    }

    /// A snapshot, and where WAL is some time later.
    pub async fn look_twice(&self, scope: Scope, later: Option<Duration>) -> Result<Snapshot, Failure> {
        if let Some(path) = &self.global.reading.from {
            return read_snapshot(path);
        }
        let session = self.session().await?;
        // On the heap: its many questions at once make it too large for the stack of who waits for several looks.
        let work = Box::pin(async {
            let mut snapshot = self.inspect(&session, &scope).await?;
            if let Some(wait) = later
                && let Fact::Known(position) = wal_position_after(&session, wait).await?
            {
                snapshot.wal_position_later = Some(position);
            }
            Ok(snapshot)
        });
        self.ask(&session, work).await
    }

    /// One look over a connection, which notes where that reached the server.
    async fn inspect(&self, session: &Session, scope: &Scope) -> Result<Snapshot, Failure> {
        let mut snapshot = inspect(session, scope).await?;
        let machine = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let socket = || session.endpoint().socket_on(machine.as_deref()?);
        snapshot.address = snapshot.address.take().or_else(socket);
        Ok(snapshot)
    }

    /// A connection to the server of the flags, whatever `--from` says.
    pub async fn session(&self) -> Result<Session, Failure> {
        let conninfo = self.conninfo()?;
        unless_interrupted(Box::pin(self.connect(conninfo)), async {}).await
    }

    /// Waits for a server's answers, shows that it waits, and calls the questions back when it is interrupted.
    pub async fn ask<T>(
        &self,
        session: &Session,
        questions: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let canceller = session.canceller().clone();
        let what = format!("reading {}", session.endpoint());
        unless_interrupted(self.ui.patiently(&what, questions), async {
            // The run ends either way; a server that cannot be told will notice that its client is gone.
            canceller.cancel().await.ok();
        })
        .await
    }

    /// Where the user stands.
    pub fn working_directory(&self) -> Result<PathBuf, Failure> {
        Ok(std::env::current_dir().context("cannot tell the working directory")?)
    }

    /// A snapshot by way of a session that is there.
    pub async fn look_by(&self, session: &Session, scope: &Scope) -> Result<Snapshot, Failure> {
        self.ask(session, Box::pin(self.inspect(session, scope))).await
    }

    /// Lets a deed come to its end. The first Ctrl-C or SIGTERM sets `stop`, the second gives up waiting.
    pub async fn to_its_end<T>(
        &self,
        mut work: impl Future<Output = T> + Unpin,
        stop: &Cell<bool>,
    ) -> Result<T, Failure> {
        let _whole = interrupt::whole();
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.replace(true) {
                return Err(Failure::new(ExitCode::Failed, "interrupted in the middle of it: look again")
                    .with_hint(Some("the journal has what was begun; the next `pgtend slots drop` settles it")));
            }
            self.ui.warn("stopping once the server has answered; interrupt again not to wait for it");
        }
    }

    /// The snapshots of `--since`: earlier looks at the same server.
    pub fn earlier(&self, now: &Snapshot) -> Result<Vec<Snapshot>, Failure> {
        let read = |path: &PathBuf| {
            let earlier = read_snapshot(path)?;
            match unfit(&earlier, now) {
                Some(why) => Err(Failure::new(ExitCode::Failed, format!("cannot use {}: {why}", path.display()))),
                None => Ok(earlier),
            }
        };
        self.global.reading.since.iter().map(read).collect()
    }

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
            Ok(resolve(&Request { flags, environment: environment(), ..Request::default() })?.conninfo)
        });
        resolved.collect()
    }

    /// Asks standbys for the scans they counted themselves, for each database of the snapshot. One that does not answer
    /// is an unknown; one that is no standby of this server is refused.
    pub async fn ask_replicas(&self, conninfos: &[Conninfo], snapshot: &mut Snapshot) -> Result<(), Failure> {
        let databases: Vec<String> = snapshot.contents.iter().map(|contents| contents.database.clone()).collect();
        for conninfo in conninfos {
            let name = name_of(conninfo);
            for database in &databases {
                let look = async {
                    let session = self.connect(conninfo.with_dbname(database)).await?;
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

    /// The size of the target's disk, in bytes, where a target was named and the configuration tells it.
    pub fn target_disk_size(&self) -> Result<Option<u64>, Failure> {
        match &self.global.connection.target {
            Some(name) => Ok(self.config()?.disk_size(name)),
            None => Ok(None),
        }
    }

    /// The configuration file, read when something first needs it.
    pub fn config(&self) -> Result<&Config, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let cwd = std::env::current_dir().context("cannot tell the working directory")?;
        let config = Config::read(self.global.connection.config.as_deref(), &self.environment, &cwd)?;
        for warning in config.warnings() {
            self.ui.warn(warning);
        }
        Ok(self.config.get_or_init(|| config))
    }

    /// Connects; asks for a password where the server wants one and none is known.
    async fn connect(&self, conninfo: Conninfo) -> Result<Session, Failure> {
        let prompt = format!("Password for user {}: ", conninfo.user);
        let mut conninfo = Arc::new(conninfo);
        if self.global.connection.password
            && let Some(password) = self.ui.password(&prompt).await
        {
            conninfo = Arc::new(conninfo.with_password(password.as_str()));
        }
        match Session::open(Arc::clone(&conninfo)).await {
            Err(SessionError::Connect(ConnectError::PasswordNeeded(_)))
                if !self.global.connection.no_password && !self.global.connection.password =>
            {
                let Some(password) = self.ui.password(&prompt).await else {
                    return Ok(Session::open(conninfo).await?);
                };
                Ok(Session::open(Arc::new(conninfo.with_password(password.as_str()))).await?)
            }
            result => Ok(result?),
        }
    }
}

fn read_snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Snapshot::from_json(&text).with_context(|| format!("cannot use {} as a snapshot", path.display()))?)
}

/// Why a snapshot says nothing about the past of another.
fn unfit(earlier: &Snapshot, now: &Snapshot) -> Option<String> {
    let cluster = |snapshot: &Snapshot| snapshot.control.known().map(|control| control.system_identifier.clone());
    let role = |snapshot: &Snapshot| if snapshot.server.in_recovery { "a standby" } else { "a primary" };
    match (cluster(earlier), cluster(now)) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            return Some(format!("it is of another cluster (system identifier {theirs}, here {ours})"));
        }
        (Some(_), Some(_)) => {}
        _ => return Some("nothing says that it is of the same cluster: a system identifier is missing".to_owned()),
    }
    // Slots are each server's own.
    if earlier.server.in_recovery != now.server.in_recovery {
        return Some(format!(
            "it was taken of {}, and this is {}: their slots are different ones",
            role(earlier),
            role(now)
        ));
    }
    (earlier.collected_at >= now.collected_at)
        .then(|| format!("it was taken at {}, no earlier than the look it should explain", earlier.collected_at))
}

/// Host and port, which is all of a conninfo that may be shown.
fn name_of(conninfo: &Conninfo) -> String {
    let place = |place: &Place| match place {
        Place::Tcp { host: Some(host), .. } => host.clone(),
        Place::Tcp { hostaddr: Some(address), .. } => address.to_string(),
        Place::Tcp { .. } => "localhost".to_owned(),
        Place::Socket(directory) => directory.display().to_string(),
    };
    let hosts: Vec<String> =
        conninfo.hosts.iter().map(|host| format!("{}:{}", place(&host.place), host.port)).collect();
    hosts.join(",")
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

/// Does the work, unless Ctrl-C or SIGTERM comes first; then cleans up and says so.
pub async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
    clean_up: impl Future<Output = ()>,
) -> Result<T, Failure> {
    let _minded = interrupt::minded();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        result = work => result,
        _ = interrupt.recv() => { clean_up.await; Err(Failure::interrupted()) }
        _ = terminate.recv() => { clean_up.await; Err(Failure::interrupted()) }
    }
}
