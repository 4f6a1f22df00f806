//! Since when a relation is known.

use super::SubjectKind;
use jiff::Timestamp;
use serde::Serialize;

/// What the samples know of a table's or index's age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelationFirstSeen {
    /// Whether it is a table or an index.
    pub kind: SubjectKind,
    /// `pg_namespace.nspname`.
    pub schema: String,
    /// Name of the table, also for an index.
    pub table: String,
    /// Name of the relation.
    pub name: String,
    /// `pg_class.oid` when it was last seen.
    pub oid: u32,
    /// The first sample that showed the name.
    pub first_seen: Timestamp,
    /// Since when it is certain to be the same relation: one that was absent in between, or has another OID without
    /// having kept its counter, may have been dropped and created again.
    pub certain_since: Timestamp,
    /// The newest sample that read its database shows it.
    pub is_present: bool,
    /// Indexes: since which sample it is invalid without a break.
    pub invalid_since: Option<Timestamp>,
}
