//! Rows of `indexes.sql` and `index_constraints.sql`.

use super::{TableRow, index_bytes, non_negative};
use crate::collect::queries;
use crate::collect::sizes::SizeEstimate;
use crate::facts::{ConstraintKind, Fact, Index, OidMap, Persistence, SizeSource, StoredBytes, WithdrawnType};
use crate::postgres::{BorrowedText, Oid, Row, RowError, Text, columns};
use std::borrow::Cow;

columns! {
    /// Names of the columns, in the order of the query.
    pub struct Columns<'row> {
        oid: Oid,
        table_oid: Oid,
        index: Text,
        relkind: BorrowedText<'row>,
        parent_oid: Option<Oid>,
        method: BorrowedText<'row>,
        tablespace: Option<Text>,
        block_size: i64,
        relpages: i32,
        reltuples: f64,
        is_unique: bool,
        is_primary: bool,
        is_exclusion: bool,
        is_immediate: bool,
        is_valid: bool,
        is_ready: bool,
        is_live: bool,
        is_replica_identity: bool,
        is_clustered: bool,
        is_partial: bool,
        is_expression: bool,
        key_columns_count: i32,
        column_numbers: Vec<i16>,
        withdrawn_type: Option<BorrowedText<'row>>,
        idx_scan: i64,
        idx_tup_read: i64,
        idx_tup_fetch: i64,
    }
}

/// Maximum size of an index tuple, for the upper bound of a change.
const MAX_TUPLE_BYTES: u64 = 2_704;

/// Decodes one.
pub fn decode_index(row: &Row) -> Result<Index, RowError> {
    let row = Columns::from_row(row)?;
    let relpages = i64::from(row.relpages);
    let is_partitioned = row.relkind.0 == "I";
    let size = if is_partitioned {
        StoredBytes::NONE
    } else {
        StoredBytes { bytes: index_bytes(relpages, non_negative(row.block_size)), source: SizeSource::Estimated }
    };
    Ok(Index {
        oid: row.oid.0,
        table_oid: row.table_oid.0,
        index: row.index.0,
        is_partitioned,
        parent_oid: row.parent_oid.map(|oid| oid.0),
        method: access_method(row.method.0),
        tablespace: row.tablespace.map(|text| text.0),
        relpages,
        reltuples: super::finite_or_unknown(row.reltuples),
        is_unique: row.is_unique,
        is_primary: row.is_primary,
        is_exclusion: row.is_exclusion,
        is_immediate: row.is_immediate,
        is_valid: row.is_valid,
        is_ready: row.is_ready,
        is_live: row.is_live,
        is_replica_identity: row.is_replica_identity,
        is_clustered: row.is_clustered,
        is_partial: row.is_partial,
        is_expression: row.is_expression,
        key_columns_count: row.key_columns_count.unsigned_abs(),
        column_numbers: row.column_numbers,
        withdrawn_type: row.withdrawn_type.and_then(|name| WithdrawnType::from_name(&name.0)),
        constraint_name: None,
        constraint: None,
        size,
        idx_scan: row.idx_scan,
        idx_tup_read: row.idx_tup_read,
        idx_tup_fetch: row.idx_tup_fetch,
        column_names: None,
        definition: None,
    })
}

/// A row of `index_constraints.sql`: what an index enforces.
pub struct Constraint {
    index_oid: u32,
    name: String,
    kind: ConstraintKind,
}

impl Constraint {
    /// Decodes a row.
    pub fn decode(row: &Row) -> Result<Constraint, RowError> {
        let kind: BorrowedText<'_> = row.try_get("constraint_type")?;
        Ok(Constraint {
            index_oid: row.try_get::<_, Oid>("index_oid")?.0,
            name: row.try_get::<_, Text>("constraint_name")?.0,
            kind: match &*kind.0 {
                "p" => ConstraintKind::PrimaryKey,
                "x" => ConstraintKind::Exclusion,
                _ => ConstraintKind::Unique,
            },
        })
    }
}

/// Adds the constraints to the indexes. Without the constraints the indexes are unavailable, too: an index of a
/// constraint could not be distinguished from one that may be dropped.
pub fn add_constraints(indexes: Fact<Vec<Index>>, constraints: Fact<Vec<Constraint>>) -> Fact<Vec<Index>> {
    let (mut indexes, constraints) = match (indexes, constraints) {
        (Fact::Known(indexes), Fact::Known(constraints)) => (indexes, constraints),
        (Fact::Known(_), Fact::Unavailable(why)) => return Fact::Unavailable(why.for_fact(queries::INDEXES.fact)),
        (unavailable, _) => return unavailable,
    };
    let mut of_index: OidMap<Constraint> =
        constraints.into_iter().map(|constraint| (constraint.index_oid, constraint)).collect();
    for index in &mut indexes {
        if let Some(Constraint { name, kind, .. }) = of_index.remove(&index.oid) {
            (index.constraint_name, index.constraint) = (Some(name), Some(kind));
        }
    }
    Fact::Known(indexes)
}

/// Returns a static string for a built-in access method, so that its name is not stored per index.
fn access_method(name: Cow<'_, str>) -> Cow<'static, str> {
    let own = ["btree", "hash", "gist", "gin", "spgist", "brin"];
    own.into_iter().find(|own| *own == name).map_or_else(|| Cow::Owned(name.into_owned()), Cow::Borrowed)
}

/// Returns the uncertainty of an index's estimate: changes of its table may have extended it.
pub fn estimate_index_size(index: &Index, table: &TableRow) -> SizeEstimate {
    let changed_rows = if table.table.was_measured() {
        non_negative(table.table.modified_since_analyze)
    } else {
        non_negative(table.table.live_rows).saturating_add(non_negative(table.table.dead_rows))
    };
    let unlogged_bytes = if table.table.persistence == Persistence::Unlogged { index.size.bytes } else { 0 };
    SizeEstimate {
        oid: index.oid,
        table_oid: index.table_oid,
        estimate: index.size.bytes,
        uncertainty: changed_rows.saturating_mul(MAX_TUPLE_BYTES).saturating_add(unlogged_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Unavailable;

    #[test]
    fn indexes_are_unknown_without_constraints() {
        let refused =
            || Unavailable::new("index constraints", "permission denied").with_hint(Some("connect as another role"));
        let why = add_constraints(Fact::Known(Vec::new()), Fact::Unavailable(refused()));
        assert_eq!(why, Fact::Unavailable(refused().for_fact("indexes")));
        assert_eq!(add_constraints(Fact::Known(Vec::new()), Fact::Known(Vec::new())), Fact::Known(Vec::new()));
    }
}
