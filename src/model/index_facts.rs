//! What the catalog tells beside `pg_index` of what may be done to an index.

use super::{Fact, Index};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The facts on which verdicts on the indexes of one database rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndexFacts {
    /// By index OID; indexes of the catalogs are missing.
    pub keys: Fact<BTreeMap<u32, IndexKeys>>,
    pub operator_classes: Fact<BTreeMap<u32, OperatorClass>>,
    /// 15 and newer: unique indexes for which two nulls are equal.
    pub nulls_not_distinct: Fact<BTreeSet<u32>>,
    pub foreign_keys: Fact<Vec<ForeignKey>>,
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

/// `pg_index`'s vectors: what each key column is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKeys {
    pub operator_classes: Vec<u32>,
    /// 0 where the type has none.
    pub collations: Vec<u32>,
    /// Bit 0: descending; bit 1: nulls first (`src/include/catalog/pg_index.h`).
    pub options: Vec<i16>,
    /// `pg_class.reloptions`, as `fillfactor=70`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storage: Vec<String>,
}

/// What an operator class orders by: `varchar_ops` and `text_ops` have both in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorClass {
    pub family: u32,
    pub input_type: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub constraint_name: String,
    /// The table that refers.
    pub table_oid: u32,
    pub column_numbers: Vec<i16>,
    /// The index of the other table in which the reference is looked up.
    pub target_index_oid: u32,
}

/// Something of the catalog that needs an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// The index.
    pub oid: u32,
    pub dependent: DependentKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependentKind {
    /// A view that groups by a key relies on its constraint.
    View,
    Extension,
}

/// Expressions and predicate as `pg_get_indexdef` and `pg_get_expr` write them with an empty search_path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexTexts {
    /// One for each key column that is an expression, in order.
    pub expressions: Vec<String>,
    pub predicate: Option<String>,
    /// `pg_attribute.attoptions` of each key column.
    pub parameters: Vec<Option<String>>,
}

/// `pg_stats.correlation` of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    pub table_oid: u32,
    pub number: i16,
    pub correlation: f64,
}

/// Objects of the server's own catalogs have smaller OIDs (`src/include/access/transam.h`, FirstNormalObjectId).
pub const FIRST_OWN_OID: u32 = 16_384;

impl IndexFacts {
    /// Whether two indexes of one table can be told apart only by texts, which cost the server a lock each.
    pub fn texts_decide(&self, a: &Index, b: &Index) -> bool {
        let has_text = |index: &Index| index.is_partial || index.is_expression;
        // Only operator classes of the core's b-tree and hash are known to take no parameters.
        let may_have_parameters = |index: &Index| {
            let keys = self.keys.known().and_then(|keys| keys.get(&index.oid));
            let own = keys.is_none_or(|keys| keys.operator_classes.iter().any(|oid| *oid >= FIRST_OWN_OID));
            own || !matches!(index.method.as_str(), "btree" | "hash")
        };
        a.oid != b.oid
            && a.table_oid == b.table_oid
            && a.method == b.method
            && ((has_text(a) && has_text(b)) || (may_have_parameters(a) && may_have_parameters(b)))
    }
}
