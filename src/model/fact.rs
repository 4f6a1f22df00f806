//! What is known and what is not: unknown is never zero.

use serde::{Deserialize, Serialize};

/// One thing asked of the server: its value, or why it could not be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    Known(T),
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
}

impl<T> Fact<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unavailable(_) => None,
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

    /// A fact that this report had no reason to ask for.
    pub fn not_asked(fact: &str) -> Self {
        Fact::Unavailable(Unavailable {
            fact: fact.to_owned(),
            reason: "not asked for by this report".to_owned(),
            hint: None,
        })
    }
}

impl<T> Default for Fact<T> {
    /// What a snapshot written before the fact existed knows of it.
    fn default() -> Self {
        Fact::Unavailable(Unavailable {
            fact: "unnamed fact".to_owned(),
            reason: "not in this snapshot: it was written by an older pgtend".to_owned(),
            hint: Some("take a new snapshot".to_owned()),
        })
    }
}
