//! One run of a target: take the lease, collect, evaluate.

use super::selection::CheckSelection;
use crate::app::assessment::assess_snapshot;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, SharedServer};
use crate::checks::summary::{CheckSummary, Note};
use crate::cli::disk::DiskArgs;
use crate::collect::{DatabaseSelection, Scope};
use crate::config::Config;
use crate::facts::history::{CheckState, Counters, Growth, HistoryView, SubjectKind};
use crate::facts::{Finding, Snapshot, Status};
use crate::history::{HistoryError, HistoryScope, Store};
use crate::postgres::conninfo::Conninfo;
use crate::report::{CheckReport, Envelope, Gaps};
use jiff::{SignedDuration, Timestamp};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    time::Duration,
};

/// How long a second run waits for the first.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(15);
const CLAIM_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// What the checks want to be reminded of.
const CHECK_HISTORY: HistoryScope = HistoryScope { slots: true, indexes: true, ..HistoryScope::NONE };
const GROWTH_HISTORY: HistoryScope = HistoryScope { growth: true, ..HistoryScope::NONE };

/// What all targets of a run share.
pub struct CheckRun<'a> {
    pub context: &'a Context,
    pub selection: &'a CheckSelection,
    pub config: &'a Config,
    pub store: Option<&'a Store>,
    /// Why there is none, where there should be one.
    pub store_error: Option<HistoryError>,
    /// How many look, sharing the connections.
    pub concurrent_targets: usize,
    pub time_limit: Duration,
    pub disk: DiskArgs,
    /// How long a claim on a place lasts, should this run die.
    pub claim_duration: SignedDuration,
    /// Places that may be ours in the store, and until when.
    pub claimed_until: RefCell<BTreeMap<String, Timestamp>>,
    /// What is asked once of each server, by what leads to it.
    pub servers: RefCell<HashMap<String, Rc<SharedServer>>>,
    /// How the clusters grew, by their line in the store.
    pub growth_by_cluster: RefCell<HashMap<String, Rc<Vec<Growth>>>>,
}

/// Whom to look at.
pub struct CheckTarget {
    /// What the store files the findings under.
    pub target_key: String,
    pub target: Option<String>,
    pub source: Result<Source, Failure>,
}

/// What is looked at.
pub enum Source {
    Server(Box<Conninfo>),
    /// A snapshot that was collected elsewhere, or some days ago.
    File(Box<Snapshot>),
}

/// What became of it.
pub struct TargetResult {
    pub target_key: String,
    pub envelope: Envelope<CheckReport>,
    /// What there is to tell and to leave behind; `None` where another run does that.
    pub pending: Option<PendingState>,
}

/// A run whose notifications are not sent yet.
pub struct PendingState {
    pub at: Timestamp,
    pub status: Status,
    /// Equal for all databases of one server.
    pub server: Option<String>,
    pub previous: CheckState,
    pub findings: Vec<Finding>,
    /// Their names.
    pub silenced: BTreeSet<String>,
    /// Checks that gave a full answer.
    pub evaluated: BTreeSet<String>,
    pub counters: Option<Counters>,
    /// The place is ours in the store.
    pub is_claimed: bool,
}

/// What stands in the way of remembering.
enum Claim<'a> {
    /// This run alone is at the place.
    Held(&'a Store),
    NoStore,
    HeldElsewhere,
    Failed(HistoryError),
}

impl CheckRun<'_> {
    /// Runs the checks of one target. Every error becomes a result.
    pub async fn check_target(&self, check_target: CheckTarget) -> TargetResult {
        let CheckTarget { target_key: place, target, source } = check_target;
        let mut problems: Vec<String> = self.store_error.iter().map(ToString::to_string).collect();
        let claim = self.claim_target(&place).await;
        let collected = match source {
            Ok(Source::Server(conninfo)) => self.collect_snapshot(*conninfo, target.as_deref()).await,
            Ok(Source::File(snapshot)) => Ok(*snapshot),
            Err(failure) => Err(failure),
        };
        let collected = collected.map(|mut snapshot| {
            let configured = target.as_deref().and_then(|name| self.config.disk_size(name));
            self.disk.apply_with_configured_size(&mut snapshot, configured);
            snapshot
        });
        let mut previous = CheckState::default();
        let mut history = HistoryView::default();
        match &claim {
            Claim::Held(store) => {
                let state = store.check_state(&place).await;
                previous = state.unwrap_or_else(|error| {
                    problems.push(error.to_string());
                    CheckState::default()
                });
                if let Ok(snapshot) = &collected {
                    history = self.load_and_record(store, snapshot, &mut problems).await;
                }
            }
            Claim::Failed(error) => problems.push(error.to_string()),
            Claim::HeldElsewhere => self
                .context
                .ui
                .warn(&format!("another check of {place} is running: this one writes down nothing and tells nobody")),
            Claim::NoStore => {}
        }
        let mut gaps = Gaps::default();
        let evaluated = collected.as_ref().map_err(|failure| (failure.message.clone(), failure.hint.clone()));
        let evaluated = evaluated.and_then(|snapshot| {
            let summary = self.evaluate(snapshot, target.as_deref(), history, &previous, &mut gaps);
            summary.map_err(|failure| (failure.message, failure.hint))
        });
        let was_evaluated = evaluated.is_ok();
        let mut summary = evaluated.unwrap_or_else(|(why, hint)| CheckSummary::unreachable(&why, hint.as_deref()));
        for problem in &problems {
            summary.add_unknown("history", "history", problem, None);
        }
        let timestamp = collected.as_ref().map_or_else(|_| self.context.now(), |snapshot| snapshot.collected_at);
        if was_evaluated {
            summary.fully_evaluated.insert("connection".to_owned());
        }
        if problems.is_empty() {
            summary.fully_evaluated.insert("history".to_owned());
        }
        let server = collected.as_ref().ok().and_then(server_key);
        let pending = PendingState {
            at: timestamp,
            status: summary.status,
            server: server.clone(),
            previous,
            findings: summary.findings.clone(),
            silenced: summary.silenced.iter().map(|one| one.finding.id()).collect(),
            evaluated: std::mem::take(&mut summary.fully_evaluated),
            counters: collected.as_ref().ok().map(Counters::from_snapshot),
            is_claimed: matches!(claim, Claim::Held(_)),
        };
        let report =
            CheckReport::new(summary, self.selection.hygiene, target.as_deref(), timestamp).with_server(server);
        let envelope = match &collected {
            Ok(snapshot) => Envelope::new(snapshot, report, gaps),
            Err(_) => Envelope::without_server(
                timestamp,
                format!("{place}, {}", timestamp.strftime("%Y-%m-%d %H:%M:%SZ")),
                report,
            ),
        };
        TargetResult {
            target_key: place,
            envelope,
            pending: (!matches!(claim, Claim::HeldElsewhere)).then_some(pending),
        }
    }

    /// Takes the place for this run, after a while of waiting for another.
    async fn claim_target(&self, target_key: &str) -> Claim<'_> {
        let Some(store) = self.store else { return Claim::NoStore };
        let began = tokio::time::Instant::now();
        loop {
            let now = self.context.now();
            let until = now.checked_add(self.claim_duration).unwrap_or(Timestamp::MAX);
            // Before it is asked for: a run that is interrupted meanwhile may have it all the same.
            self.claimed_until.borrow_mut().insert(target_key.to_owned(), until);
            let claim = store.claim(target_key, now, until).await;
            if let Ok(Err(_)) = claim {
                self.claimed_until.borrow_mut().remove(target_key);
            }
            match claim {
                Ok(Ok(())) => return Claim::Held(store),
                Ok(Err(_)) if began.elapsed() < CLAIM_TIMEOUT => tokio::time::sleep(CLAIM_POLL_INTERVAL).await,
                Ok(Err(_)) => return Claim::HeldElsewhere,
                Err(error) => return Claim::Failed(error),
            }
        }
    }

    /// Gives back every place that is still ours.
    pub async fn release_all(&self) {
        let target_keys: Vec<String> = self.claimed_until.borrow().keys().cloned().collect();
        for target_key in target_keys {
            self.release_target(&target_key).await;
        }
    }

    pub async fn release_target(&self, target_key: &str) {
        let until = self.claimed_until.borrow().get(target_key).copied();
        if let (Some(store), Some(until)) = (self.store, until) {
            // Whoever comes next waits for one that could not be given back until it ends by itself.
            store.release(target_key, until).await.ok();
            // Not before: an interruption meanwhile tries again.
            self.claimed_until.borrow_mut().remove(target_key);
        }
    }

    async fn collect_snapshot(&self, conninfo: Conninfo, target: Option<&str>) -> Result<Snapshot, Failure> {
        let database_selection = self.context.database_selection_of(self.config, target);
        let scope = super::check_scope(Scope { database_selection, ..self.context.scope() }, self.concurrent_targets);
        let shared = self.shared_server(&conninfo);
        // Each opens connections of its own to the others' databases: of one server's targets one at a time does.
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
            Ok(looked) => looked,
            Err(_) => {
                let message = format!("no answer within {} s (--time-limit)", self.time_limit.as_secs());
                Err(Failure::new(ExitCode::Failed, message))
            }
        }
    }

    /// What the targets of this server share.
    fn shared_server(&self, conninfo: &Conninfo) -> Rc<SharedServer> {
        Rc::clone(self.servers.borrow_mut().entry(conninfo.server_key()).or_default())
    }

    /// Recalls what the store knows, and records this look.
    async fn load_and_record(&self, store: &Store, snapshot: &Snapshot, problems: &mut Vec<String>) -> HistoryView {
        let loaded = async {
            let mut history = store.load_history(snapshot, CHECK_HISTORY).await?;
            history.growth = self.load_growth(store, snapshot, &history).await?;
            Ok::<HistoryView, HistoryError>(history)
        };
        let history = loaded.await.unwrap_or_else(|error| {
            problems.push(error.to_string());
            HistoryView::default()
        });
        match store.record(snapshot).await {
            // Another target of the same cluster was faster: its sample is as good.
            Ok(_) | Err(HistoryError::OutOfOrder { .. }) => {}
            Err(error) => problems.push(error.to_string()),
        }
        history
    }

    /// How the cluster and its pg_wal grew until this run: read once for all targets of a cluster.
    async fn load_growth(
        &self,
        store: &Store,
        snapshot: &Snapshot,
        history: &HistoryView,
    ) -> Result<Vec<Growth>, HistoryError> {
        let Some(origin) = &history.origin else { return Ok(Vec::new()) };
        let known = self.growth_by_cluster.borrow().get(&origin.cluster_branch).map(Rc::clone);
        if let Some(known) = known {
            return Ok(known.to_vec());
        }
        let mut growth = store.load_history(snapshot, GROWTH_HISTORY).await?.growth;
        growth.retain(|one| matches!(one.subject.kind, SubjectKind::Cluster | SubjectKind::Wal));
        self.growth_by_cluster.borrow_mut().insert(origin.cluster_branch.clone(), Rc::new(growth.clone()));
        Ok(growth)
    }

    fn evaluate(
        &self,
        snapshot: &Snapshot,
        target: Option<&str>,
        mut history: HistoryView,
        previous: &CheckState,
        gaps: &mut Gaps,
    ) -> Result<CheckSummary, Failure> {
        let earlier_snapshots = self.context.load_earlier_snapshots(snapshot)?;
        history.add_snapshots(&earlier_snapshots);
        history.counters.extend(previous.counters.clone());
        let assessment = assess_snapshot(
            self.config,
            snapshot,
            history,
            |check| self.selection.includes(check.name),
            &self.selection.summary_options(&self.config.silences, target),
        );
        gaps.note_unknown_checks(&assessment.results);
        let mut summary = assessment.summary;
        let is_listed = matches!(self.context.database_selection_of(self.config, target), DatabaseSelection::Listed(_));
        summary.notes.extend(unread_databases(snapshot, is_listed));
        Ok(summary)
    }
}

/// What tells a server from all others, its own copies included.
fn server_key(snapshot: &Snapshot) -> Option<String> {
    let control = snapshot.control.known()?;
    Some(format!("{} since {}", control.system_identifier, snapshot.server.started_at))
}

/// The databases that nobody asked to look into: what is wrong inside them is not told.
fn unread_databases(snapshot: &Snapshot, is_listed: bool) -> Option<Note> {
    let databases =
        snapshot.databases.known()?.iter().filter(|database| database.allows_connections && !database.is_template);
    let is_read = |name: &str| {
        snapshot.database_snapshots.iter().any(|db| db.database == name)
            || snapshot.skipped.iter().any(|database| database.database == name)
    };
    let unread: Vec<&str> =
        databases.map(|database| database.database.as_str()).filter(|name| !is_read(name)).collect();
    let (first, more) = (unread.get(..3).unwrap_or(&unread).join(", "), unread.len().saturating_sub(3));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let why = if is_listed { "the target lists others" } else { "--all-databases does" };
    (!unread.is_empty()).then(|| Note {
        check: "databases".to_owned(),
        kind: "not asked",
        message: format!("not looked into: {first}{more}; {why}").into(),
    })
}
