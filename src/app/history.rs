//! The history as commands use it: reports read it and do without where they must, recording is an order.

use super::Context;
use crate::analysis::wal::wal_between_snapshots;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::history_url::history_url;
use crate::facts::Snapshot;
use crate::facts::history::{HistoryView, Intent, Prediction};
use crate::history::{HistoryError, HistoryScope, Store, StoreAddress};
use std::time::Duration;

/// How long a report waits for a store's server to answer at all.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long it waits for everything it wants to be reminded of.
const HISTORY_LOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an audit waits to keep what it predicted.
const PREDICTION_STORE_TIMEOUT: Duration = Duration::from_secs(10);

impl Context {
    /// What earlier looks at the snapshot's server know: the samples of the store, and the snapshots of `--since`.
    ///
    /// A store that is not there, cannot be read or takes too long is no reason to fail: that is said once, and the
    /// report goes on without. Nothing is made or changed in it. With `--from` no store is read unless `--history`
    /// names one. Fails when a snapshot of `--since` cannot be used, or the configuration.
    pub async fn load_history(&self, snapshot: &Snapshot, selection: HistoryScope) -> Result<HistoryView, Failure> {
        let mut history = HistoryView::default();
        if let Some(address) = self.history_to_read()? {
            let reading = Box::pin(self.load_from_store(&address, snapshot, selection));
            match tokio::time::timeout(HISTORY_LOAD_TIMEOUT, reading).await {
                Ok(Ok(loaded)) => history = loaded,
                Ok(Err(error)) => {
                    let hint = matches!(error, HistoryError::OlderSchema { .. } | HistoryError::NewerSchema { .. });
                    let hint = error.hint().filter(|_| hint).map(|hint| format!(" ({hint})")).unwrap_or_default();
                    self.ui.note(&format!("history: {error}; the report does without{hint}"));
                }
                Err(_) => {
                    let limit = HISTORY_LOAD_TIMEOUT.as_secs();
                    self.ui.note(&format!("history: it took longer than {limit} s to read; the report does without"));
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
                self.ui.note("history: nothing is recorded there yet; `pgtend history record` takes the first sample");
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

    /// Keeps what an audit predicted, where there is a store. It is never made for that, and that it could not be
    /// written is said once and is no reason to fail. Nothing is kept of a file: it may tell of long ago.
    pub async fn store_predictions(&self, predictions: &[Prediction]) -> Result<(), Failure> {
        if self.reads_snapshot_file() || !self.has_history {
            return Ok(());
        }
        // What is wrong with it was said when the report wanted to be reminded.
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
            let advice = "a later look has nothing to hold against this audit";
            self.ui.note(&format!("history: what was predicted is not kept: {why}; {advice}"));
        };
        match tokio::time::timeout(PREDICTION_STORE_TIMEOUT, storing).await {
            Ok(Ok(())) => {}
            // Said already, as the report was made.
            Ok(Err(HistoryError::OlderSchema { .. } | HistoryError::NewerSchema { .. })) => {}
            Ok(Err(error)) => note_failure(&error.to_string()),
            Err(_) => note_failure(&format!("it took longer than {} s", PREDICTION_STORE_TIMEOUT.as_secs())),
        }
        Ok(())
    }

    /// Where a report reads what is remembered, if it does.
    fn history_to_read(&self) -> Result<Option<StoreAddress>, Failure> {
        let reading = &self.global.reading;
        if !self.has_history || (reading.from.is_some() && reading.history.is_none()) {
            return Ok(None);
        }
        let address = match self.history_address() {
            // Without a home directory there is nothing to remember, and nothing to complain about either.
            Err(failure) if failure.exit == ExitCode::Usage && self.environment.home.is_none() => {
                self.ui.note(&format!("history: {failure}"));
                return Ok(None);
            }
            address => address?,
        };
        if address.is_none() {
            self.ui.note("history: none, as was asked; the report knows only this look and --since");
        }
        Ok(address)
    }

    /// Where samples and actions are kept; `None` for nowhere. Resolved once a run, so that its warnings come once.
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
            let message = "there is no history: --history, PGTEND_HISTORY or the configuration says none";
            Failure::new(ExitCode::Failed, message).with_hint(Some("name a file or postgresql://…"))
        })
    }

    /// Opens the store, creates or migrates it where needed, and prints the actions without an outcome.
    pub async fn store(&self) -> Result<Store, Failure> {
        let store = Store::open(&self.require_history_address()?).await?;
        self.warn_open_intents(&store).await?;
        Ok(store)
    }

    /// The store for looking into it; it must be there.
    pub async fn existing_store(&self) -> Result<Store, Failure> {
        let address = self.require_history_address()?;
        self.require_store(Store::open_to_read(&address, STORE_TIMEOUT).await?, &address).await
    }

    /// The store for changing what is in it; it must be there. Nothing is made where the address leads to another server
    /// by now.
    pub async fn existing_store_for_writing(&self) -> Result<Store, Failure> {
        let address = self.require_history_address()?;
        self.require_store(Store::open_to_add(&address, STORE_TIMEOUT).await?, &address).await
    }

    async fn require_store(&self, store: Option<Store>, address: &StoreAddress) -> Result<Store, Failure> {
        let Some(store) = store else {
            return Err(Failure::new(ExitCode::Failed, format!("there is no history yet in {address}"))
                .with_hint(Some("`pgtend history record` takes the first sample")));
        };
        self.warn_open_intents(&store).await?;
        Ok(store)
    }

    /// Shows the warnings about the connection to a store's server.
    pub fn print_store_warnings(&self, store: &Store) {
        store.warnings().iter().for_each(|warning| self.ui.warn(&format!("history: {warning}")));
    }

    async fn warn_open_intents(&self, store: &Store) -> Result<(), HistoryError> {
        self.print_store_warnings(store);
        for entry in store.open_journal_entries().await? {
            let Intent { kind, subject, server, begun_at, .. } = &entry.intent;
            let begun_at = begun_at.strftime("%Y-%m-%d %H:%M:%SZ");
            self.ui.warn(&format!(
                "{kind} of {subject} on {server}, begun {begun_at}, has no outcome: pgtend ended in the middle of it, \
                 or is at it now; see `pgtend history journal`"
            ));
        }
        Ok(())
    }
}
