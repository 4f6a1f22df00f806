//! Known and unavailable values. An unknown value is never 0.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value read from the server, or the reason why it is unavailable.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
#[schemars(rename = "Fact_of_{T}")]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// The value that was read.
    Known(T),
    /// The value is unavailable, with the reason.
    Unavailable(Unavailable),
}

/// The reason why a fact is unavailable, and a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Unavailable {
    /// Name of the fact in reports, such as "wal directory".
    pub fact: String,
    /// Error message of the server, or the reason why the fact was not read.
    pub reason: String,
    /// Remedy, usually a GRANT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Oldest major version that has it; set if the server is older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_version: Option<u32>,
    /// Whether the feature is not set up on this server, such as an extension, or has no history yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_set_up: bool,
}

impl Unavailable {
    /// Returns an unavailable fact without a hint.
    pub fn new(fact: &str, reason: impl Into<String>) -> Unavailable {
        Unavailable { fact: fact.to_owned(), reason: reason.into(), hint: None, needs_version: None, not_set_up: false }
    }

    /// Returns a fact that only newer servers have.
    pub fn needs_version(fact: &str, major: u32) -> Unavailable {
        let reason = format!("needs PostgreSQL {major} or newer");
        Unavailable { needs_version: Some(major), ..Unavailable::new(fact, reason) }
    }

    /// Marks a feature that is optional or has no data yet.
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

    /// Returns the same reason for a fact that depends on this one.
    #[must_use]
    pub fn for_fact(&self, fact: &str) -> Unavailable {
        Unavailable { fact: fact.to_owned(), ..self.clone() }
    }
}

/// Name of a fact without a key in a snapshot file. [`Snapshot::from_json`](super::Snapshot::from_json) replaces it.
const UNNAMED: &str = "unnamed fact";

impl<T> Fact<T> {
    /// Returns the value if it is known.
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

    /// Returns the value, or the reason why it is unavailable.
    pub fn as_result(&self) -> Result<&T, &Unavailable> {
        match self {
            Fact::Known(value) => Ok(value),
            Fact::Unavailable(why) => Err(why),
        }
    }

    /// Returns a fact that is derived from this one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(f(value)),
            Fact::Unavailable(why) => Fact::Unavailable(why),
        }
    }

    /// Sets the name of a fact that had no key in the file.
    pub fn name_if_unnamed(&mut self, field: &str) {
        if let Fact::Unavailable(why) = self
            && why.fact == UNNAMED
        {
            why.fact = field.replace('_', " ");
        }
    }

    /// Returns a fact that this report does not need.
    pub fn not_requested(fact: &str) -> Self {
        Fact::Unavailable(Unavailable::new(fact, "not requested by this report"))
    }
}

impl<T> Default for Fact<T> {
    /// Returns the fact for a snapshot file of a version without it.
    fn default() -> Self {
        let reason = "not in this snapshot: it was written by an older pgtend";
        Fact::Unavailable(Unavailable::new(UNNAMED, reason).with_hint(Some("take a new snapshot")))
    }
}
