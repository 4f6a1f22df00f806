//! Facts beside `pg_index` that verdicts on indexes rest on.

use super::{Fact, Index};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The facts on which verdicts on the indexes of one database rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndexFacts {
    /// By index OID: of those that can be compared with another one ([`are_comparable`]).
    pub keys: Fact<BTreeMap<u32, IndexKeys>>,
    /// By OID of `pg_opclass`: the classes that the keys name.
    pub operator_classes: Fact<BTreeMap<u32, OperatorClass>>,
    /// Foreign keys whose referencing table is in this database (`pg_constraint.contype = 'f'`).
    pub foreign_keys: Fact<Vec<ForeignKey>>,
    /// Objects that depend on an index (`pg_depend`).
    pub dependents: Fact<Vec<Dependent>>,
    /// Tables under a lock that building or dropping an index concurrently takes.
    pub builds: Fact<BTreeSet<u32>>,
    /// Roles whose sessions are not counted.
    pub uncounted_roles: Fact<Vec<String>>,
    /// By index OID: of those for which the texts matter.
    pub texts: Fact<BTreeMap<u32, IndexTexts>>,
    /// By table OID and column number: how far the rows lie in the column's order; of tables where it matters.
    pub correlations: Fact<Vec<Correlation>>,
}

/// What each key column is made of, and what else two indexes may differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKeys {
    /// `pg_index.indclass`.
    pub operator_classes: Vec<u32>,
    /// 0 where the type has none.
    pub collations: Vec<u32>,
    /// Bit 0: descending; bit 1: nulls first (`src/include/catalog/pg_index.h`).
    pub options: Vec<i16>,
    /// `pg_attribute.attoptions` of each key column; empty where its method takes none.
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

/// What an operator class orders by: `varchar_ops` and `text_ops` have both in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorClass {
    /// `pg_opclass.opcfamily`.
    pub family: u32,
    /// `pg_opclass.opcintype`.
    pub input_type: u32,
}

/// One foreign key of `pg_constraint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// `pg_constraint.conname`.
    pub constraint_name: String,
    /// The table that refers.
    pub table_oid: u32,
    /// `pg_constraint.conkey`: numbers of the referencing columns.
    pub column_numbers: Vec<i16>,
    /// The index of the other table in which the reference is looked up.
    pub target_index_oid: u32,
    /// False for NOT ENFORCED (18): the server looks nothing up for it.
    #[serde(default = "always")]
    pub is_enforced: bool,
}

/// Before 18 every foreign key was enforced.
fn always() -> bool {
    true
}

/// Something of the catalog that needs an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// The index.
    pub oid: u32,
    /// What depends on it.
    pub dependent: DependentKind,
}

/// Kind of an object that depends on an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependentKind {
    /// A view that groups by a key relies on its constraint.
    View,
    /// The index belongs to an extension, or is marked as depending on one.
    Extension,
}

/// Expressions and predicate as `pg_get_indexdef` and `pg_get_expr` write them when search_path is pg_catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexTexts {
    /// One for each key column that is an expression, in order.
    pub expressions: Vec<String>,
    /// `pg_get_expr(indpred)`; `None` for an index without a predicate.
    pub predicate: Option<String>,
}

/// `pg_stats.correlation` of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// `pg_attribute.attrelid`.
    pub table_oid: u32,
    /// `pg_attribute.attnum`.
    pub number: i16,
    /// `pg_stats.correlation`: -1 to 1.
    pub correlation: f64,
}

/// Objects of the server's own catalogs have smaller OIDs (`src/include/access/transam.h`, FirstNormalObjectId).
pub const FIRST_NORMAL_OBJECT_ID: u32 = 16_384;

/// Returns whether one of two indexes can replace the other as far as access method and columns allow. Only then are
/// their other properties read.
pub fn are_comparable(a: &Index, b: &Index) -> bool {
    a.oid != b.oid && a.table_oid == b.table_oid && (may_cover(a, b) || may_cover(b, a))
}

fn may_cover(covering_index: &Index, candidate: &Index) -> bool {
    let (covering_columns, candidate_columns) = (covering_index.key_columns(), candidate.key_columns());
    match (&*covering_index.method, &*candidate.method) {
        ("btree", "hash") => covering_columns.first() == candidate_columns.first(),
        (covering_method, candidate_method) if covering_method != candidate_method => false,
        // The order of their columns means nothing.
        ("gin" | "brin", _) => candidate_columns.iter().all(|number| covering_columns.contains(number)),
        _ => covering_columns.starts_with(candidate_columns),
    }
}

/// Returns whether two comparable indexes may differ only in their texts, which cost the server a lock each.
pub fn differ_only_in_texts(a: &Index, b: &Index) -> bool {
    let has_text = |index: &Index| index.is_partial || index.is_expression;
    has_text(a) && has_text(b) && are_comparable(a, b)
}
