//! Facts for verdicts on indexes, in addition to `pg_index`.

use super::{Fact, Index};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Facts for verdicts on the indexes of one database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, Deserialize)]
#[serde(default)]
pub struct IndexFacts {
    /// Keys by index OID, for indexes that can be compared with another one ([`are_comparable`]).
    pub keys: Fact<BTreeMap<u32, IndexKeys>>,
    /// Operator classes of the keys, by OID of `pg_opclass`.
    pub operator_classes: Fact<BTreeMap<u32, OperatorClass>>,
    /// Foreign keys whose referencing table is in this database (`pg_constraint.contype = 'f'`).
    pub foreign_keys: Fact<Vec<ForeignKey>>,
    /// Objects that depend on an index (`pg_depend`).
    pub dependents: Fact<Vec<Dependent>>,
    /// Tables with the lock that a concurrent index build or drop takes.
    pub builds: Fact<BTreeSet<u32>>,
    /// Roles whose sessions are not counted in the statistics.
    pub uncounted_roles: Fact<Vec<String>>,
    /// Texts by index OID, for indexes that differ only in them.
    pub texts: Fact<BTreeMap<u32, IndexTexts>>,
    /// Correlations by table OID and column number, for tables that need them.
    pub correlations: Fact<Vec<Correlation>>,
}

/// Properties of the key columns, and other properties in which two indexes may differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct IndexKeys {
    /// `pg_index.indclass`.
    pub operator_classes: Vec<u32>,
    /// 0 where the type has none.
    pub collations: Vec<u32>,
    /// Bit 0: descending; bit 1: nulls first (`src/include/catalog/pg_index.h`).
    pub options: Vec<i16>,
    /// `pg_attribute.attoptions` of each key column; empty if its access method has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Option<String>>,
    /// `pg_class.reloptions`, as `fillfactor=70`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storage: Vec<String>,
    /// Unique, and two nulls are equal (15 and newer).
    #[serde(default)]
    pub nulls_not_distinct: bool,
    /// Unique, and no key column can be null.
    #[serde(default)]
    pub is_not_null: bool,
}

/// Family and input type of an operator class: `varchar_ops` and `text_ops` share both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct OperatorClass {
    /// `pg_opclass.opcfamily`.
    pub family: u32,
    /// `pg_opclass.opcintype`.
    pub input_type: u32,
}

/// One foreign key of `pg_constraint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ForeignKey {
    /// `pg_constraint.conname`.
    pub constraint_name: String,
    /// The referencing table.
    pub table_oid: u32,
    /// `pg_constraint.conkey`: numbers of the referencing columns.
    pub column_numbers: Vec<i16>,
    /// The index of the referenced table.
    pub target_index_oid: u32,
    /// False for NOT ENFORCED (18): the server does not check it.
    #[serde(default = "always")]
    pub is_enforced: bool,
}

/// Before 18 every foreign key was enforced.
fn always() -> bool {
    true
}

/// An object that depends on an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Dependent {
    /// The index.
    pub oid: u32,
    /// Kind of the object.
    pub dependent: DependentKind,
}

/// Kind of an object that depends on an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependentKind {
    /// A view that groups by a key relies on its constraint.
    View,
    /// The index belongs to an extension, or is marked as depending on one.
    Extension,
}

/// Expressions and predicate as `pg_get_indexdef` and `pg_get_expr` return them with search_path = pg_catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct IndexTexts {
    /// One for each key column that is an expression, in order.
    pub expressions: Vec<String>,
    /// `pg_get_expr(indpred)`; `None` for an index without a predicate.
    pub predicate: Option<String>,
}

/// `pg_stats.correlation` of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct Correlation {
    /// `pg_attribute.attrelid`.
    pub table_oid: u32,
    /// `pg_attribute.attnum`.
    pub number: i16,
    /// `pg_stats.correlation`: -1 to 1.
    pub correlation: f64,
}

/// Built-in objects have smaller OIDs (`src/include/access/transam.h`, FirstNormalObjectId).
pub const FIRST_NORMAL_OBJECT_ID: u32 = 16_384;

/// Returns whether one of two indexes may replace the other according to access method and columns. Other properties are
/// read only for such pairs.
pub fn are_comparable(a: &Index, b: &Index) -> bool {
    a.oid != b.oid && a.table_oid == b.table_oid && (may_cover(a, b) || may_cover(b, a))
}

fn may_cover(covering_index: &Index, candidate: &Index) -> bool {
    let (covering_columns, candidate_columns) = (covering_index.key_columns(), candidate.key_columns());
    match (&*covering_index.method, &*candidate.method) {
        ("btree", "hash") => covering_columns.first() == candidate_columns.first(),
        (covering_method, candidate_method) if covering_method != candidate_method => false,
        // The order of their columns is irrelevant.
        ("gin" | "brin", _) => candidate_columns.iter().all(|number| covering_columns.contains(number)),
        _ => covering_columns.starts_with(candidate_columns),
    }
}

/// Returns whether two comparable indexes may differ only in their texts. Reading a text needs a lock.
pub fn differ_only_in_texts(a: &Index, b: &Index) -> bool {
    let has_text = |index: &Index| index.is_partial || index.is_expression;
    has_text(a) && has_text(b) && are_comparable(a, b)
}
