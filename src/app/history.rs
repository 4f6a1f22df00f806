//! The history as commands use it. Reports continue without a history that cannot be read; recording fails.

use super::Context;
use crate::analysis::wal::wal_between_snapshots;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::history_url::history_url;
use crate::facts::Snapshot;
use crate::facts::history::{HistoryView, Intent, Prediction};
use crate::history::{HistoryError, HistoryScope, Store, StoreAddress};
use std::time::Duration;

/// Time limit of a report for opening the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time limit of a report for loading the history.
const HISTORY_LOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Time limit of an audit for storing its predictions.
const PREDICTION_STORE_TIMEOUT: Duration = Duration::from_secs(10);

impl Context {
    /// Loads the history of the snapshot's server: samples of the store, and the snapshots of `--since`.
    ///
    /// If the store does not exist, cannot be read or exceeds the time limit, a note says so and the report continues
    /// without it. The store is not created or changed. With `--from` no store is read unless `--history` is given.
    ///
    /// # Errors
    ///
    /// A snapshot of `--since` or the configuration cannot be used.
    pub async fn load_history(&self, snapshot: &Snapshot, selection: HistoryScope) -> Result<HistoryView, Failure> {
        let mut history = HistoryView::default();
        if let Some(address) = self.history_to_read()? {
            let reading = Box::pin(self.load_from_store(&address, snapshot, selection));
            match tokio::time::timeout(HISTORY_LOAD_TIMEOUT, reading).await {
                Ok(Ok(loaded)) => history = loaded,
                Ok(Err(error)) => {
                    let hint = matches!(error, HistoryError::OlderSchema { .. } | HistoryError::NewerSchema { .. });
                    let hint = error.hint().filter(|_| hint).map(|hint| format!(" ({hint})")).unwrap_or_default();
                    self.ui.note(&format!("history: {error}; the report continues without history{hint}"));
                }
                Err(_) => {
                    let limit = HISTORY_LOAD_TIMEOUT.as_secs();
                    self.ui.note(&format!(
                        "history: reading took longer than {limit} s; the report continues without history"
                    ));
                }
            }
        }
        let earlier = self.load_earlier_snapshots(snapshot)?;
        history.add_snapshots(&earlier);
        if selection.wal && history.wal.is_empty() {
            history.wal = wal_between_snapshots(&earlier, snapshot);
        }
        Ok(history)
    }

    async fn load_from_store(
        &self,
        address: &StoreAddress,
        snapshot: &Snapshot,
        selection: HistoryScope,
    ) -> Result<HistoryView, HistoryError> {
        let Some(store) = Store::open_to_read(address, STORE_TIMEOUT).await? else {
            if self.global.reading.history.is_some() {
                self.ui.note("history: no samples yet; record the first one with `pgtend history record`");
            }
            return Ok(HistoryView::default());
        };
        self.warn_open_intents(&store).await?;
        let loaded = async {
            let mut history = store.load_history(snapshot, selection).await?;
            if let Some(target_key) = self.target_key(snapshot).filter(|_| selection.counters) {
                history.counters.extend(store.check_state(&target_key).await?.counters);
            }
            Ok(history)
        };
        let history = loaded.await;
        store.close().await;
        history
    }

    /// Stores the predictions of an audit, if a store exists. A store that cannot be written causes a note, not a failure.
    /// Predictions from a snapshot file are not stored: the file may be old.
    pub async fn store_predictions(&self, predictions: &[Prediction]) -> Result<(), Failure> {
        if self.reads_snapshot_file() {
            return Ok(());
        }
        // Loading the history has already reported the error.
        let Ok(Some(address)) = self.history_address() else { return Ok(()) };
        let storing = Box::pin(async {
            if let Some(store) = Store::open_to_add(&address, STORE_TIMEOUT).await? {
                let stored = store.write_predictions(predictions).await;
                store.close().await;
                stored?;
            }
            Ok::<(), HistoryError>(())
        });
        let note_failure = |why: &str| {
            let advice = "later samples will not be compared with this audit";
            self.ui.note(&format!("history: the predictions were not stored: {why}; {advice}"));
        };
        match tokio::time::timeout(PREDICTION_STORE_TIMEOUT, storing).await {
            Ok(Ok(())) => {}
            // Loading the history has already reported it.
            Ok(Err(HistoryError::OlderSchema { .. } | HistoryError::NewerSchema { .. })) => {}
            Ok(Err(error)) => note_failure(&error.to_string()),
            Err(_) => note_failure(&format!("no answer within {} s", PREDICTION_STORE_TIMEOUT.as_secs())),
        }
        Ok(())
    }

    /// Returns the store that a report reads; `None` for none.
    fn history_to_read(&self) -> Result<Option<StoreAddress>, Failure> {
        let reading = &self.global.reading;
        if reading.from.is_some() && reading.history.is_none() {
            return Ok(None);
        }
        let address = match self.history_address() {
            // Without a home directory there is no default store; this is not an error for a report.
            Err(failure) if failure.exit == ExitCode::Usage && self.environment.home.is_none() => {
                self.ui.note(&format!("history: {failure}"));
                return Ok(None);
            }
            address => address?,
        };
        if address.is_none() {
            self.ui.note("history: disabled; the report uses only this snapshot and --since");
        }
        Ok(address)
    }

    /// Returns the address of the store; `None` if it is disabled. Resolved once, so that its warnings are printed once.
    pub fn history_address(&self) -> Result<Option<StoreAddress>, Failure> {
        if let Some(address) = self.history_address.get() {
            return Ok(address.clone());
        }
        let (address, warnings) = history_url(self.global.reading.history.as_deref(), &self.environment, || {
            Ok(self.config()?.history_url(&self.environment)?)
        })?;
        for warning in warnings {
            self.ui.warn(&warning);
        }
        Ok(self.history_address.get_or_init(|| address).clone())
    }

    fn require_history_address(&self) -> Result<StoreAddress, Failure> {
        self.history_address()?.ok_or_else(|| {
            let message = "the history is disabled: --history, PGTEND_HISTORY or history.url is none";
            Failure::new(ExitCode::Failed, message)
                .with_hint(Some("specify a store: --history FILE or --history postgresql://…"))
        })
    }

    /// Opens the store, creates or migrates it where needed, and prints the actions without an outcome.
    pub async fn store(&self) -> Result<Store, Failure> {
        let store = Store::open(&self.require_history_address()?).await?;
        self.warn_open_intents(&store).await?;
        Ok(store)
    }

    /// Opens the store for reading; it must exist.
    pub async fn existing_store(&self) -> Result<Store, Failure> {
        let address = self.require_history_address()?;
        self.require_store(Store::open_to_read(&address, STORE_TIMEOUT).await?, &address).await
    }

    /// Opens the store for writing; it must exist. Nothing is created, even if the address now reaches another server.
    pub async fn existing_store_for_writing(&self) -> Result<Store, Failure> {
        let address = self.require_history_address()?;
        self.require_store(Store::open_to_add(&address, STORE_TIMEOUT).await?, &address).await
    }

    async fn require_store(&self, store: Option<Store>, address: &StoreAddress) -> Result<Store, Failure> {
        let Some(store) = store else {
            return Err(Failure::new(ExitCode::Failed, format!("there is no history in {address}"))
                .with_hint(Some("record the first sample with `pgtend history record`")));
        };
        self.warn_open_intents(&store).await?;
        Ok(store)
    }

    /// Prints the warnings about the connection to a store's server.
    pub fn print_store_warnings(&self, store: &Store) {
        store.warnings().iter().for_each(|warning| self.ui.warn(&format!("history: {warning}")));
    }

    async fn warn_open_intents(&self, store: &Store) -> Result<(), HistoryError> {
        self.print_store_warnings(store);
        for entry in store.open_journal_entries().await? {
            let Intent { kind, subject, server, begun_at, .. } = &entry.intent;
            let begun_at = begun_at.strftime("%Y-%m-%d %H:%M:%SZ");
            self.ui.warn(&format!(
                "{kind} of {subject} on {server}, begun {begun_at}, has no outcome: the run was interrupted or is still \
                 in progress; see `pgtend history journal`"
            ));
        }
        Ok(())
    }
}
