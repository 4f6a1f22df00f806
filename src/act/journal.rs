//! Where a deed is written down: before it is done, and when it is.

use crate::{
    history::Store,
    model::past::{Intent, Outcome},
};
use serde::Serialize;

/// The store's journal, or somebody who is told instead (`--no-journal`).
pub enum Journal<'a> {
    Store(&'a Store),
    /// What prints a record instead (`--no-journal`); its error says why that was not possible.
    Told(&'a dyn Fn(&Record) -> Result<(), String>),
}

/// What the journal would hold.
#[derive(Debug, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record<'a> {
    Intent(&'a Intent),
    Outcome { subject: &'a str, outcome: &'a Outcome },
}

/// A deed that is written down and not yet done.
pub struct Open<'a> {
    journal: &'a Journal<'a>,
    subject: String,
    pub deed_id: Option<i64>,
}

impl Journal<'_> {
    /// Writes the intent; an error means that the deed must not be done.
    pub async fn open(&self, intent: &Intent) -> Result<Open<'_>, String> {
        let deed_id = match self {
            Journal::Store(store) => Some(store.intend(intent).await.map_err(|error| error.to_string())?),
            Journal::Told(tell) => {
                tell(&Record::Intent(intent))?;
                None
            }
        };
        Ok(Open { journal: self, subject: intent.subject.clone(), deed_id })
    }
}

impl Open<'_> {
    /// Writes the outcome; answers why it could not be written.
    pub async fn close(&self, outcome: &Outcome) -> Option<String> {
        match (self.journal, self.deed_id) {
            (Journal::Store(store), Some(deed_id)) => {
                store.conclude(deed_id, outcome).await.err().map(|error| error.to_string())
            }
            (Journal::Told(tell), _) => tell(&Record::Outcome { subject: &self.subject, outcome }).err(),
            (Journal::Store(_), None) => None,
        }
    }
}
