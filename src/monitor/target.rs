//! One run of a target: take the lease, collect, evaluate.

use super::Monitor;
use super::lease::Claim;
use super::state::PendingState;
use crate::checks::Assessment;
use crate::checks::summary::{CheckSummary, Note};
use crate::facts::Snapshot;
use crate::facts::history::{CheckState, Counters, HistoryView};
use crate::report::{CheckReport, Envelope, Gaps};

/// Why a target could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError {
    /// What happened.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

/// One target, and how the program collects and evaluates it.
pub struct TargetCheck<'a, C> {
    /// The key of its findings in the store.
    pub target_key: String,
    /// Its name in the configuration.
    pub target: Option<&'a str>,
    /// Whether the target lists the databases to read.
    pub lists_databases: bool,
    /// Future that collects the snapshot. It is polled after the lease is taken.
    pub collection: C,
    /// Reads the earlier snapshots that the command line names.
    pub earlier_snapshots: &'a dyn Fn(&Snapshot) -> Result<Vec<Snapshot>, TargetError>,
    /// Evaluates the selected checks.
    pub assess: &'a dyn Fn(&Snapshot, HistoryView) -> Assessment,
}

/// The result of one target.
pub struct TargetResult {
    /// The key of its findings in the store.
    pub target_key: String,
    /// Its report.
    pub envelope: Envelope<CheckReport>,
    /// State to notify and save; `None` when another run holds the lease.
    pub(super) pending: Option<PendingState>,
}

impl TargetResult {
    /// Returns whether another run holds the lease. This run then neither notifies nor saves.
    pub fn is_leased_elsewhere(&self) -> bool {
        self.pending.is_none()
    }
}

impl Monitor<'_> {
    /// Runs the checks of one target. Every error becomes a result.
    pub async fn check_target<C>(&self, check: TargetCheck<'_, C>) -> TargetResult
    where
        C: Future<Output = Result<Snapshot, TargetError>>,
    {
        let TargetCheck { target_key, target, lists_databases, collection, earlier_snapshots, assess } = check;
        let mut problems: Vec<String> = self.store_error.iter().map(ToString::to_string).collect();
        let claim = self.leases.claim(&target_key).await;
        let collected = collection.await;
        let mut previous = CheckState::default();
        let mut history = HistoryView::default();
        match &claim {
            Claim::Held(store) => {
                let state = store.check_state(&target_key).await;
                previous = state.unwrap_or_else(|error| {
                    problems.push(error.to_string());
                    CheckState::default()
                });
                if let Ok(snapshot) = &collected {
                    history = self.load_and_record(store, snapshot, &mut problems).await;
                }
            }
            Claim::Failed(error) => problems.push(error.to_string()),
            Claim::HeldElsewhere | Claim::NoStore => {}
        }
        let mut gaps = Gaps::default();
        let evaluated = collected.as_ref().map_err(Clone::clone).and_then(|snapshot| {
            history.add_snapshots(&earlier_snapshots(snapshot)?);
            history.counters.extend(previous.counters.clone());
            let assessment = assess(snapshot, history);
            gaps.note_unknown_checks(&assessment.results);
            let mut summary = assessment.summary;
            summary.notes.extend(unread_databases(snapshot, lists_databases));
            Ok(summary)
        });
        let was_evaluated = evaluated.is_ok();
        let mut summary =
            evaluated.unwrap_or_else(|error| CheckSummary::unreachable(&error.message, error.hint.as_deref()));
        for problem in &problems {
            summary.add_unknown("history", "history", problem, None);
        }
        let timestamp = collected.as_ref().map_or_else(|_| self.leases.now(), |snapshot| snapshot.collected_at);
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
            silenced: summary.silenced.iter().map(|silenced| silenced.finding.id()).collect(),
            evaluated: std::mem::take(&mut summary.fully_evaluated),
            counters: collected.as_ref().ok().map(Counters::from_snapshot),
            is_claimed: matches!(claim, Claim::Held(_)),
        };
        let report = CheckReport::new(summary, self.hygiene, target, timestamp).with_server(server);
        let envelope = match &collected {
            Ok(snapshot) => Envelope::new(snapshot, report, gaps),
            Err(_) => Envelope::without_server(
                timestamp,
                format!("{target_key}, {}", timestamp.strftime("%Y-%m-%d %H:%M:%SZ")),
                report,
            ),
        };
        let pending = (!matches!(claim, Claim::HeldElsewhere)).then_some(pending);
        TargetResult { target_key, envelope, pending }
    }
}

/// Returns a key that differs between servers, also between copies of one cluster.
fn server_key(snapshot: &Snapshot) -> Option<String> {
    let control = snapshot.control.known()?;
    Some(format!("{} since {}", control.system_identifier, snapshot.server.started_at))
}

/// Returns a note with the databases that were not read.
fn unread_databases(snapshot: &Snapshot, lists_databases: bool) -> Option<Note> {
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
    let remedy = if lists_databases { "the target lists other databases" } else { "use --all-databases" };
    let noun = if unread.len() == 1 { "database" } else { "databases" };
    (!unread.is_empty()).then(|| Note {
        check: "databases".to_owned(),
        kind: "not read",
        message: format!("{noun} {first}{more}: {remedy}").into(),
    })
}
