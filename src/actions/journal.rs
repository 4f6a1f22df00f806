//! Writes actions to the journal: an intent before, an outcome after.

use crate::facts::history::{Intent, JournalOutcome};
use crate::history::Store;
use serde::Serialize;

/// The store's journal, or somebody who is told instead (`--no-journal`).
pub enum Journal<'a> {
    Store(&'a Store),
    /// What prints a record instead (`--no-journal`); its error says why that was not possible.
    Printed(&'a dyn Fn(&JournalRecord) -> Result<(), String>),
}

/// What the journal would hold.
#[derive(Debug, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum JournalRecord<'a> {
    Intent(&'a Intent),
    Outcome { subject: &'a str, outcome: &'a JournalOutcome },
}

/// An action whose intent is written, and which is not yet done.
pub struct OpenEntry<'a> {
    journal: &'a Journal<'a>,
    subject: String,
    pub journal_id: Option<i64>,
}

impl Journal<'_> {
    /// Writes the intent; an error means that the action must not be done.
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
    /// Writes the outcome; answers why it could not be written.
    pub async fn close(&self, outcome: &JournalOutcome) -> Option<String> {
        match (self.journal, self.journal_id) {
            (Journal::Store(store), Some(deed_id)) => {
                store.write_outcome(deed_id, outcome).await.err().map(|error| error.to_string())
            }
            (Journal::Printed(tell), _) => tell(&JournalRecord::Outcome { subject: &self.subject, outcome }).err(),
            (Journal::Store(_), None) => None,
        }
    }
}
