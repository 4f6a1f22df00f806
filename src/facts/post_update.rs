//! What release notes of past updates concern.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Objects of one database that release notes of past updates concern (`queries/post_update.sql`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct PostUpdate {
    /// Whether `pg_stats_ext` shows rows to the owner of the table only, as since 14.12, 15.7 and 16.3 in new clusters;
    /// `None` without the view.
    pub restricts_stats_ext: Option<bool>,
    /// Whether libc is the collation provider of the database (`pg_database.datlocprovider`, 15).
    pub uses_libc: bool,
    /// Whether each character of the database's encoding has one byte.
    pub is_single_byte: bool,
    /// Indexes with an operator class that a release note concerns, in the order of their OIDs.
    pub indexes: Vec<ClassedIndex>,
}

/// The operator classes of an index that a release note concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ClassedIndex {
    /// `pg_index.indexrelid`.
    pub oid: u32,
    /// Its operator classes, each once.
    pub classes: Vec<ClassUse>,
}

/// An operator class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ClassUse {
    /// `pg_opclass.opcname`.
    pub name: String,
    /// Name of its input type in `pg_type`.
    pub input_type: String,
    /// The extension that it belongs to; `None` for a built-in class.
    pub extension: Option<String>,
}
