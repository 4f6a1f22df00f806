//! The history as commands use it: reports read it and do without where they must, recording is an order.

use super::Context;
use crate::{
    error::Failure,
    exit_code::ExitCode,
    history::{HistoryError, Recall, Store, StoreAddress},
    history_url::history_url,
    model::{
        Snapshot, between_looks,
        past::{Intent, Memory, Prediction},
    },
};
use std::time::Duration;

/// How long a report waits for a store's server to answer at all.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it waits for everything it wants to be reminded of.
const RECALL_LIMIT: Duration = Duration::from_secs(20);
/// How long an audit waits to keep what it predicted.
const KEEPING_LIMIT: Duration = Duration::from_secs(10);

impl Context {
    /// What earlier looks at the snapshot's server know: the samples of the store, and the snapshots of `--since`.
    ///
    /// A store that is not there, cannot be read or takes too long is no reason to fail: that is said once, and the
    /// report goes on without. Nothing is made or changed in it. With `--from` no store is read unless `--history`
    /// names one. Fails when a snapshot of `--since` cannot be used, or the configuration.
    pub async fn memory(&self, snapshot: &Snapshot, recall: Recall) -> Result<Memory, Failure> {
        let mut memory = Memory::default();
        if let Some(address) = self.history_to_read()? {
            let reading = Box::pin(self.recall(&address, snapshot, recall));
            match tokio::time::timeout(RECALL_LIMIT, reading).await {
                Ok(Ok(remembered)) => memory = remembered,
                Ok(Err(error)) => {
                    let hint = matches!(error, HistoryError::Older { .. } | HistoryError::Newer { .. });
                    let hint = error.hint().filter(|_| hint).map(|hint| format!(" ({hint})")).unwrap_or_default();
                    self.ui.note(&format!("history: {error}; the report does without{hint}"));
                }
                Err(_) => {
                    let limit = RECALL_LIMIT.as_secs();
                    self.ui.note(&format!("history: it took longer than {limit} s to read; the report does without"));
                }
            }
        }
        let earlier = self.earlier(snapshot)?;
        memory.add(&earlier);
        if recall.wal && memory.wal.is_empty() {
            memory.wal = between_looks(&earlier, snapshot);
        }
        Ok(memory)
    }

    async fn recall(
        &self,
        address: &StoreAddress,
        snapshot: &Snapshot,
        recall: Recall,
    ) -> Result<Memory, HistoryError> {
        let Some(store) = Store::open_to_read(address, PATIENCE).await? else {
            if self.global.reading.history.is_some() {
                self.ui.note("history: nothing is recorded there yet; `pgtend history record` takes the first sample");
            }
            return Ok(Memory::default());
        };
        self.tell_open_deeds(&store).await?;
        let memory = store.recall(snapshot, recall).await;
        store.close().await;
        memory
    }

    /// Keeps what an audit predicted, where there is a store. It is never made for that, and that it could not be
    /// written is said once and is no reason to fail. Nothing is kept of a file: it may tell of long ago.
    pub async fn keep_predictions(&self, predictions: &[Prediction]) -> Result<(), Failure> {
        if self.reads_a_file() || !self.has_history {
            return Ok(());
        }
        // What is wrong with it was said when the report wanted to be reminded.
        let Ok(Some(address)) = self.history_address() else { return Ok(()) };
        let keeping = Box::pin(async {
            if let Some(store) = Store::open_to_add(&address, PATIENCE).await? {
                let kept = store.predict(predictions).await;
                store.close().await;
                kept?;
            }
            Ok::<(), HistoryError>(())
        });
        let not_kept = |why: &str| {
            let advice = "a later look has nothing to hold against this audit";
            self.ui.note(&format!("history: what was predicted is not kept: {why}; {advice}"));
        };
        match tokio::time::timeout(KEEPING_LIMIT, keeping).await {
            Ok(Ok(())) => {}
            // Said already, as the report was made.
            Ok(Err(HistoryError::Older { .. } | HistoryError::Newer { .. })) => {}
            Ok(Err(error)) => not_kept(&error.to_string()),
            Err(_) => not_kept(&format!("it took longer than {} s", KEEPING_LIMIT.as_secs())),
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
        if let Some(address) = self.history.get() {
            return Ok(address.clone());
        }
        let (address, warnings) = history_url(self.global.reading.history.as_deref(), &self.environment, || {
            Ok(self.config()?.history_url(&self.environment)?)
        })?;
        for warning in warnings {
            self.ui.warn(&warning);
        }
        Ok(self.history.get_or_init(|| address).clone())
    }

    fn named_history(&self) -> Result<StoreAddress, Failure> {
        self.history_address()?.ok_or_else(|| {
            let message = "there is no history: --history, PGTEND_HISTORY or the configuration says none";
            Failure::new(ExitCode::Failed, message).with_hint(Some("name a file or postgresql://…"))
        })
    }

    /// The store, made or brought up to date when that is needed. Says which deeds never came to an end.
    pub async fn store(&self) -> Result<Store, Failure> {
        let store = Store::open(&self.named_history()?).await?;
        self.tell_open_deeds(&store).await?;
        Ok(store)
    }

    /// The store for looking into it; it must be there.
    pub async fn existing_store(&self) -> Result<Store, Failure> {
        let address = self.named_history()?;
        self.existing(Store::open_to_read(&address, PATIENCE).await?, &address).await
    }

    /// The store for changing what is in it; it must be there. Nothing is made where the address leads to another server
    /// by now.
    pub async fn existing_store_to_change(&self) -> Result<Store, Failure> {
        let address = self.named_history()?;
        self.existing(Store::open_to_add(&address, PATIENCE).await?, &address).await
    }

    async fn existing(&self, store: Option<Store>, address: &StoreAddress) -> Result<Store, Failure> {
        let Some(store) = store else {
            return Err(Failure::new(ExitCode::Failed, format!("there is no history yet in {address}"))
                .with_hint(Some("`pgtend history record` takes the first sample")));
        };
        self.tell_open_deeds(&store).await?;
        Ok(store)
    }

    /// Shows the warnings about the connection to a store's server.
    pub fn warn_of_store(&self, store: &Store) {
        store.warnings().iter().for_each(|warning| self.ui.warn(&format!("history: {warning}")));
    }

    async fn tell_open_deeds(&self, store: &Store) -> Result<(), HistoryError> {
        self.warn_of_store(store);
        for deed in store.open_intents().await? {
            let Intent { kind, subject, server, begun_at, .. } = &deed.intent;
            let begun_at = begun_at.strftime("%Y-%m-%d %H:%M:%SZ");
            self.ui.warn(&format!(
                "{kind} of {subject} on {server}, begun {begun_at}, has no outcome: pgtend ended in the middle of it, \
                 or is at it now; see `pgtend history journal`"
            ));
        }
        Ok(())
    }
}
