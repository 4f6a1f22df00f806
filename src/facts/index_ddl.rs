//! Properties of an index that are needed to recreate it.

use schemars::JsonSchema;
use serde::Serialize;

/// One index as the catalog describes it: `pg_get_indexdef` and what that leaves out
/// (docs/reference/index-ddl.md#what-pg_get_indexdef-leaves-out).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IndexDdl {
    /// `pg_index.indexrelid`.
    pub oid: u32,
    /// The selected index that it is attached to, at any depth; `None` for the selected index.
    pub parent_oid: Option<u32>,
    /// Schema of the index and its table, unquoted.
    pub schema: String,
    /// Name of the index, unquoted.
    pub index: String,
    /// Name of the table, unquoted.
    pub table: String,
    /// `pg_class.relkind = 'I'`.
    pub is_partitioned: bool,
    /// `pg_index.indexprs` is not null.
    pub is_expression: bool,
    /// `pg_index.indisvalid`.
    pub is_valid: bool,
    /// `pg_index.indisclustered`.
    pub is_clustered: bool,
    /// `pg_index.indisreplident`.
    pub is_replica_identity: bool,
    /// `pg_get_indexdef`, with every name qualified.
    pub definition: String,
    /// `pg_get_expr` of the predicate: the end of the definition.
    pub predicate: Option<String>,
    /// Tablespace; `None` for the database's default if `default_tablespace` is empty.
    pub tablespace: Option<String>,
    /// `obj_description`; `None` without a comment.
    pub comment: Option<String>,
    /// Column number and `attstattarget`, for columns where it is set.
    pub statistics: Vec<(i64, i64)>,
    /// `ALTER INDEX … DEPENDS ON EXTENSION`.
    pub extensions: Vec<String>,
    /// The constraint that it enforces; the index is then dropped and created by ALTER TABLE.
    pub constraint_name: Option<String>,
}
