//! Journals actions: an intent before, an outcome after.

use crate::facts::history::{Intent, JournalOutcome};
use crate::history::Store;
use serde::Serialize;

/// Destination of journal records.
pub enum Journal<'a> {
    /// The journal of the store.
    Store(&'a Store),
    /// A function that prints the record instead (`--no-journal`); its error is the reason why it could not.
    Printed(&'a dyn Fn(&JournalRecord) -> Result<(), String>),
}

/// A record of the journal.
#[derive(Debug, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum JournalRecord<'a> {
    /// An intent, written before the action.
    Intent(&'a Intent),
    /// An outcome, written after the action.
    Outcome {
        /// Object of the action.
        subject: &'a str,
        /// The outcome.
        outcome: &'a JournalOutcome,
    },
}

/// An action with a journalled intent and without an outcome.
pub struct OpenEntry<'a> {
    journal: &'a Journal<'a>,
    subject: String,
    pub journal_id: Option<i64>,
}

impl Journal<'_> {
    /// Writes the intent.
    ///
    /// # Errors
    ///
    /// Returns the reason why it could not be written. The action must not be executed then.
    pub async fn open(&self, intent: &Intent) -> Result<OpenEntry<'_>, String> {
        let journal_id = match self {
            Journal::Store(store) => Some(store.write_intent(intent).await.map_err(|error| error.to_string())?),
            Journal::Printed(tell) => {
                tell(&JournalRecord::Intent(intent))?;
                None
            }
        };
        Ok(OpenEntry { journal: self, subject: intent.subject.clone(), journal_id })
    }
}

impl OpenEntry<'_> {
    /// Writes the outcome. Returns the reason if it could not be written.
    pub async fn close(&self, outcome: &JournalOutcome) -> Option<String> {
        match (self.journal, self.journal_id) {
            (Journal::Store(store), Some(journal_id)) => {
                store.write_outcome(journal_id, outcome).await.err().map(|error| error.to_string())
            }
            (Journal::Printed(tell), _) => tell(&JournalRecord::Outcome { subject: &self.subject, outcome }).err(),
            (Journal::Store(_), None) => None,
        }
    }
}
