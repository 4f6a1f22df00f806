//! The state that a run loads from the history before the evaluation, and saves for the next run.

use super::Monitor;
use crate::facts::history::{CheckState, Counters, Growth, HistoryView, KnownFinding, NotifiedFinding, SubjectKind};
use crate::facts::{Finding, Snapshot, Status};
use crate::history::{HistoryError, HistoryScope, Store};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The history that checks use.
const CHECK_HISTORY: HistoryScope = HistoryScope { slots: true, indexes: true, ..HistoryScope::NONE };
const GROWTH_HISTORY: HistoryScope = HistoryScope { growth: true, ..HistoryScope::NONE };

/// State of a run on one target before its notifications are sent.
pub struct PendingState {
    /// When the snapshot was collected.
    pub at: Timestamp,
    /// The status of the run.
    pub status: Status,
    /// Identity of the server; equal for all its databases.
    pub server: Option<String>,
    /// The state that the previous run saved.
    pub previous: CheckState,
    /// The findings of this run.
    pub findings: Vec<Finding>,
    /// The ids of silenced findings.
    pub silenced: BTreeSet<String>,
    /// Checks that were fully evaluated.
    pub evaluated: BTreeSet<String>,
    /// The counters of the snapshot.
    pub counters: Option<Counters>,
    /// Whether this run holds the lease.
    pub is_claimed: bool,
}

impl PendingState {
    /// Returns the check state for the next run.
    fn next_state(self, notified: Vec<NotifiedFinding>) -> CheckState {
        let PendingState { at: timestamp, previous, findings, silenced, evaluated, counters, .. } = self;
        let now: Vec<KnownFinding> =
            findings.iter().map(|finding| known_finding(finding, &previous.findings, timestamp)).collect();
        let notified =
            notified.into_iter().filter(|notified_finding| !silenced.contains(&notified_finding.finding_id)).collect();
        let is_over =
            |finding: &KnownFinding| evaluated.contains(&finding.check) || silenced.contains(&finding.finding_id);
        previous.advance(timestamp, counters, now, is_over, notified)
    }
}

impl Monitor<'_> {
    /// Loads the history of a snapshot, then records the snapshot.
    pub(super) async fn load_and_record(
        &self,
        store: &Store,
        snapshot: &Snapshot,
        problems: &mut Vec<String>,
    ) -> HistoryView {
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
            // Another target of the same cluster recorded a later sample.
            Ok(_) | Err(HistoryError::OutOfOrder { .. }) => {}
            Err(error) => problems.push(error.to_string()),
        }
        history
    }

    /// Loads the growth of the cluster and its pg_wal, once for all targets of a cluster.
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
        growth.retain(|series| matches!(series.subject.kind, SubjectKind::Cluster | SubjectKind::Wal));
        self.growth_by_cluster.borrow_mut().insert(origin.cluster_branch.clone(), Rc::new(growth.clone()));
        Ok(growth)
    }

    /// Saves the check state of a target for the next run, and releases the lease. Does nothing without a lease.
    pub(super) async fn save_state(
        &self,
        target_key: &str,
        pending: Option<PendingState>,
        notified: Vec<NotifiedFinding>,
    ) -> Result<(), HistoryError> {
        let (Some(pending), Some(store)) = (pending.filter(|pending| pending.is_claimed), self.leases.store()) else {
            return Ok(());
        };
        let saved = store.save_check_state(target_key, &pending.next_state(notified)).await;
        self.leases.release(target_key).await;
        saved
    }
}

fn known_finding(finding: &Finding, previous: &[KnownFinding], timestamp: Timestamp) -> KnownFinding {
    let id = finding.id();
    let since = previous
        .iter()
        .find(|known_finding| known_finding.finding_id == id)
        .map_or(timestamp, |known_finding| known_finding.since);
    KnownFinding {
        finding_id: id,
        check: finding.check.clone(),
        class: finding.class,
        subject: finding.subject.clone(),
        level: finding.level,
        message: finding.message.clone(),
        since,
        notified: None,
    }
}
