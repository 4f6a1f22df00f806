//! What is known and what is not: unknown is never zero.

use serde::{Deserialize, Serialize};

/// One thing asked of the server: its value, or why it could not be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// The value that was read.
    Known(T),
    /// There is no value; the reason.
    Unavailable(Unavailable),
}

/// Why a fact is missing and what would make it readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// What was asked for, as people call it: "wal directory".
    pub fact: String,
    /// What the server answered, or why it was not asked.
    pub reason: String,
    /// What to do: usually a GRANT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The oldest major version that has it: nothing is hidden, the server is too old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_version: Option<u32>,
    /// It is not set up on this server, such as an extension, or has no history yet: nothing is hidden.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_set_up: bool,
}

impl Unavailable {
    /// Returns a missing fact without a remedy.
    pub fn new(fact: &str, reason: impl Into<String>) -> Unavailable {
        Unavailable { fact: fact.to_owned(), reason: reason.into(), hint: None, needs_version: None, not_set_up: false }
    }

    /// A fact that only newer servers have.
    pub fn needs_version(fact: &str, major: u32) -> Unavailable {
        let reason = format!("needs PostgreSQL {major} or newer");
        Unavailable { needs_version: Some(major), ..Unavailable::new(fact, reason) }
    }

    /// Something that servers need not have, or do not have yet.
    #[must_use]
    pub fn not_set_up(mut self) -> Unavailable {
        self.not_set_up = true;
        self
    }

    /// Replaces the hint; `None` removes it.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<impl Into<String>>) -> Unavailable {
        self.hint = hint.map(Into::into);
        self
    }

    /// The same reason, for another fact that depends on this one.
    #[must_use]
    pub fn for_fact(&self, fact: &str) -> Unavailable {
        Unavailable { fact: fact.to_owned(), ..self.clone() }
    }
}

/// The name of a fact that a snapshot file has no key for, until [`Snapshot::from_json`](super::Snapshot::from_json)
/// gives it its own.
const UNNAMED: &str = "unnamed fact";

impl<T> Fact<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unavailable(_) => None,
        }
    }

    /// Why there is no value.
    pub fn unavailable_mut(&mut self) -> Option<&mut Unavailable> {
        match self {
            Fact::Known(_) => None,
            Fact::Unavailable(why) => Some(why),
        }
    }

    /// The value, or why there is none.
    pub fn as_result(&self) -> Result<&T, &Unavailable> {
        match self {
            Fact::Known(value) => Ok(value),
            Fact::Unavailable(why) => Err(why),
        }
    }

    /// A fact derived from this one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(f(value)),
            Fact::Unavailable(why) => Fact::Unavailable(why),
        }
    }

    /// Gives a fact that the file had no key for the name of its field.
    pub fn name_if_unnamed(&mut self, field: &str) {
        if let Fact::Unavailable(why) = self
            && why.fact == UNNAMED
        {
            why.fact = field.replace('_', " ");
        }
    }

    /// A fact that this report had no reason to ask for.
    pub fn not_requested(fact: &str) -> Self {
        Fact::Unavailable(Unavailable::new(fact, "not asked for by this report"))
    }
}

impl<T> Default for Fact<T> {
    /// What a snapshot written before the fact existed knows of it.
    fn default() -> Self {
        let reason = "not in this snapshot: it was written by an older pgtend";
        Fact::Unavailable(Unavailable::new(UNNAMED, reason).with_hint(Some("take a new snapshot")))
    }
}
