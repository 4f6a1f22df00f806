//! First sample of a relation.

use super::SubjectKind;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Age of a table or index according to the samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RelationFirstSeen {
    /// Whether it is a table or an index.
    pub kind: SubjectKind,
    /// `pg_namespace.nspname`.
    pub schema: String,
    /// Name of the table, also for an index.
    pub table: String,
    /// Name of the relation.
    pub name: String,
    /// `pg_class.oid` in the last sample that has it.
    pub oid: u32,
    /// The first sample with this name.
    pub first_seen: Timestamp,
    /// Time since which it is certainly the same relation. One that was absent in between, or has another OID and another
    /// counter, may have been dropped and created again.
    pub certain_since: Timestamp,
    /// Whether the newest sample of its database has it.
    pub is_present: bool,
    /// For an index, the first of the consecutive samples up to now that show it as invalid.
    pub invalid_since: Option<Timestamp>,
}
