//! Unavailable facts of a report, with hints. Unknown values are never shown as 0 or "none".

use crate::checks::runner::CheckResult;
use crate::facts::{Fact, Snapshot, Unavailable};
use crate::quote::{PrintedConnection, grant};
use schemars::JsonSchema;
use serde::Serialize;

/// A fact that could not be read, and the fields that are null because of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// Name of the fact.
    pub fact: String,
    /// Paths in the JSON, such as `wal.directory_bytes` or `databases[].bytes`.
    pub fields: Vec<String>,
    /// Names of the elements concerned; empty for all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Reason, in the server's words where it gives one.
    pub reason: String,
    /// How to make it readable; null when that is not possible.
    pub hint: Option<String>,
    /// Oldest major version that has the fact, if that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_version: Option<u32>,
    /// Whether the feature is not set up on this server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_set_up: bool,
}

impl Gap {
    /// Returns whether only a GRANT is missing.
    pub fn needs_grant(&self) -> bool {
        self.hint.as_deref().is_some_and(|hint| hint.starts_with("GRANT "))
    }
}

/// The gaps of one report, collected while it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// Returns the value of a fact. If it is unavailable, notes that `fields` are null.
    pub fn get_or_note<'a, T>(&mut self, fact: &'a Fact<T>, fields: &[&str]) -> Option<&'a T> {
        match fact {
            Fact::Known(value) => Some(value),
            Fact::Unavailable(why) => {
                self.note(why, fields, Vec::new());
                None
            }
        }
    }

    /// Notes the facts that checks could not read, with the checks that need them.
    pub fn note_unknown_checks(&mut self, results: &[CheckResult]) {
        for result in results {
            for why in &result.outcome.unknown {
                self.note(why, &[], vec![result.check.name.to_owned()]);
            }
        }
    }

    /// Notes the facts that checks could not read, for a report that also shows findings. The envelope names skipped
    /// databases.
    pub fn note_unknown_facts(&mut self, results: &[CheckResult]) {
        let unknown = results.iter().flat_map(|result| &result.outcome.unknown);
        for why in unknown.filter(|why| why.fact != "database contents") {
            self.note(why, &[], Vec::new());
        }
    }

    /// Notes that `fields` are unknown, for the elements named in `subjects`, or for all if there are none.
    pub fn note(&mut self, why: &Unavailable, fields: &[&str], subjects: Vec<String>) {
        let same = |gap: &&mut Gap| {
            gap.fact == why.fact && gap.reason == why.reason && gap.hint == why.hint && gap.subjects == subjects
        };
        match self.0.iter_mut().find(same) {
            Some(gap) => {
                for field in fields {
                    if !gap.fields.iter().any(|known| known == field) {
                        gap.fields.push((*field).to_owned());
                    }
                }
            }
            None => self.0.push(Gap {
                fact: why.fact.clone(),
                fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                subjects,
                reason: why.reason.clone(),
                hint: why.hint.clone(),
                needs_version: why.needs_version,
                not_set_up: why.not_set_up,
            }),
        }
    }

    /// Adds the connection to the commands of the hints.
    pub fn reached_by(&mut self, connection: &PrintedConnection) {
        for hint in self.0.iter_mut().filter_map(|gap| gap.hint.as_mut()) {
            *hint = connection.sentence(hint);
        }
    }

    /// Returns the gaps of facts that exist on this server, but could not be read.
    pub fn hidden(&self) -> impl Iterator<Item = &Gap> {
        self.0.iter().filter(|gap| gap.needs_version.is_none() && !gap.not_set_up)
    }

    /// Returns the gaps of features that are not set up.
    pub fn not_set_up(&self) -> impl Iterator<Item = &Gap> {
        self.0.iter().filter(|gap| gap.not_set_up)
    }

    /// Returns the gaps of facts that this version of the server does not have.
    pub fn not_in_this_version(&self) -> impl Iterator<Item = &Gap> {
        self.0.iter().filter(|gap| gap.needs_version.is_some())
    }
}

/// Returns why the sizes of some tablespaces are unknown, and the names of these tablespaces; `None` if all are known.
pub fn hidden_tablespace_sizes(snapshot: &Snapshot) -> Option<(Unavailable, Vec<String>)> {
    let hidden = snapshot.tablespaces.known()?.iter().filter(|tablespace| tablespace.bytes.is_none());
    let names: Vec<String> = hidden.map(|tablespace| tablespace.tablespace.clone()).collect();
    let role = &snapshot.server.role;
    let reason = format!("role {role} has no CREATE privilege on {}", names.join(", "));
    let why = Unavailable::new("tablespace size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
    (!names.is_empty()).then_some((why, names))
}
