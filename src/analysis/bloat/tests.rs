use super::btree::IndexedRows;
use super::heap::estimate_table;
use super::*;
use crate::analysis::pages::{self, Width};
use crate::facts::{BtreePages, ColumnLayout, ColumnStatistics, HeapTuples, TableColumns};
use proptest::prelude::*;

const BLOCK: u64 = 8_192;
const INT4: ColumnLayout = ColumnLayout { attlen: 4, attalign: 4 };
const INT8: ColumnLayout = ColumnLayout { attlen: 8, attalign: 8 };
const BOOL: ColumnLayout = ColumnLayout { attlen: 1, attalign: 1 };
const TEXT: ColumnLayout = ColumnLayout { attlen: -1, attalign: 4 };

fn column_statistics(avg_width: u32, null_frac: f64, n_distinct: f64) -> ColumnStatistics {
    ColumnStatistics { null_frac, avg_width, n_distinct }
}

fn heap_pages(rows: u64, fillfactor: u8, columns: &[(ColumnLayout, ColumnStatistics)]) -> u64 {
    let columns = columns.iter().map(|(layout, found)| (*layout, Some(*found))).collect();
    let columns = TableColumns { fillfactor, visibility: Visibility::Visible, columns, dropped: Vec::new() };
    pages::heap::packed_bytes(rows, &columns, BLOCK).unwrap() / BLOCK
}

fn btree_pages(rows: u64, deduplicates: bool, layout: ColumnLayout, found: ColumnStatistics) -> u64 {
    let keys = IndexedRows { rows, table_rows: rows, is_partial: false, deduplicates };
    btree::packed_bytes(&keys, &[(layout, found)], 90, BLOCK) / BLOCK
}

#[test]
fn heap_fixed_width_rows_match_the_server() {
    // Values of pg_relation_size for freshly filled tables.
    assert_eq!(heap_pages(100_000, 100, &[(INT4, column_statistics(4, 0.0, -1.0))]), 443);
    let padded = [(BOOL, 1), (INT8, 8), (BOOL, 1), (INT8, 8), (ColumnLayout { attlen: 2, attalign: 2 }, 2), (INT4, 4)];
    assert_eq!(
        heap_pages(50_000, 100, &padded.map(|(layout, width)| (layout, column_statistics(width, 0.0, 1.0)))),
        417
    );
    assert_eq!(heap_pages(0, 100, &[(INT4, column_statistics(4, 0.0, -1.0))]), 0);
}

#[test]
fn row_width_includes_alignment_padding() {
    let row = Width::exactly(0)
        .with_column(BOOL, column_statistics(1, 0.0, 2.0))
        .with_column(INT8, column_statistics(8, 0.0, -1.0));
    assert_eq!((row.mean(), row.is_certain()), (16.0, true));
    // Half of the rows have no second value and are padded less.
    let row = Width::exactly(0)
        .with_column(BOOL, column_statistics(1, 0.0, 2.0))
        .with_column(INT8, column_statistics(8, 0.5, -1.0));
    assert!((row.mean() - 8.5).abs() < 1e-9 && !row.is_certain());
    assert!((row.aligned(8).mean() - 12.0).abs() < 1e-9);
    // Behind values of any length, padding to 8 takes 3.5 bytes on average.
    let row = Width::exactly(0).with_column(TEXT, column_statistics(64, 0.0, -1.0));
    assert!((row.aligned(8).mean() - row.mean() - 3.5).abs() < 0.2);
}

#[test]
fn btree_deduplicates_equal_keys() {
    // Values of pg_relation_size for indexes built on 300,000 rows.
    assert!(btree_pages(300_000, true, INT4, column_statistics(4, 0.0, -1.0)).abs_diff(825) <= 1);
    assert!(btree_pages(300_000, false, INT4, column_statistics(4, 0.0, 10.0)).abs_diff(825) <= 1);
    for (distinct, built) in [(1.0, 257_u64), (10.0, 258), (3_000.0, 252)] {
        let estimated = btree_pages(300_000, true, INT4, column_statistics(4, 0.0, distinct));
        assert!(estimated.abs_diff(built) <= 7, "{distinct} values: {estimated} pages, not {built}");
    }
    let estimated = btree_pages(300_000, true, INT4, column_statistics(4, 0.9, -0.1));
    assert!(estimated.abs_diff(314) <= 7, "mostly null: {estimated} pages");
    assert_eq!(btree_pages(0, true, INT4, column_statistics(4, 0.0, 1.0)), 1);
}

#[test]
fn btree_bloat_counts_deleted_pages() {
    // 174 of 260 pages are deleted, the others are full: the leaf density alone would give 17 %.
    let pages = BtreePages {
        fillfactor: 90,
        block_size: BLOCK,
        index_size: 260 * BLOCK,
        internal_pages: 3,
        leaf_pages: 82,
        avg_leaf_density: 83.2,
    };
    assert_eq!(measured_btree_bloat(&pages), Bloat { bytes: (260 - 76 - 3 - 1) * BLOCK, source: BloatSource::Exact });
    let empty = BtreePages { index_size: BLOCK, internal_pages: 0, leaf_pages: 0, avg_leaf_density: 0.0, ..pages };
    assert_eq!(measured_btree_bloat(&empty).bytes, 0);
}

#[test]
fn heap_bloat_is_space_beyond_live_rows() {
    let tuples = HeapTuples {
        fillfactor: 100,
        block_size: BLOCK,
        table_len: 1_000 * BLOCK,
        tuple_count: 22_600,
        tuple_len: 22_600 * 28,
    };
    assert_eq!(measured_heap_bloat(&tuples), Bloat { bytes: 900 * BLOCK, source: BloatSource::Exact });
    assert_eq!(measured_heap_bloat(&HeapTuples { tuple_count: 0, tuple_len: 0, ..tuples }).bytes, tuples.table_len);
}

fn any_column() -> impl Strategy<Value = (ColumnLayout, ColumnStatistics)> {
    let layout = prop_oneof![Just(INT4), Just(INT8), Just(BOOL), Just(TEXT)];
    let distinct = prop_oneof![Just(0.0), -1.0..0.0_f64, 1.0..1e6_f64];
    (layout, 0_u32..3_000, 0.0..=1.0_f64, distinct)
        .prop_map(|(layout, width, null_frac, n_distinct)| (layout, column_statistics(width, null_frac, n_distinct)))
}

proptest! {
    #[test]
    fn estimate_grows_with_rows(
        columns in prop::collection::vec(any_column(), 0..40), rows in 0_u64..10_000_000, more in 0_u64..10_000_000,
        fillfactor in 10_u8..=100, deduplicates: bool,
    ) {
        let few = heap_pages(rows, fillfactor, &columns);
        prop_assert!(few <= heap_pages(rows + more, fillfactor, &columns));
        prop_assert!(rows == 0 || few > 0);
        for (layout, found) in columns {
            let few = btree_pages(rows, deduplicates, layout, found);
            prop_assert!(few >= 1);
            prop_assert!(few <= btree_pages(rows + more, deduplicates, layout, found));
        }
    }

    #[test]
    fn measured_bloat_never_exceeds_size(
        size in 0_u64..1 << 40, tuples in 0_u64..1 << 30, width in 24_u64..3_000, leaves in 0_u64..1 << 30,
        density in 0.0..=100.0_f64, fillfactor in 10_u8..=100,
    ) {
        let heap = HeapTuples {
            fillfactor, block_size: BLOCK, table_len: size, tuple_count: tuples, tuple_len: tuples * width,
        };
        prop_assert!(measured_heap_bloat(&heap).bytes <= size);
        let btree = BtreePages {
            fillfactor, block_size: BLOCK, index_size: size, internal_pages: leaves / 300, leaf_pages: leaves,
            avg_leaf_density: density,
        };
        prop_assert!(measured_btree_bloat(&btree).bytes <= size);
    }
}

/// A table of 1,000 pages and 100,000 rows, with what differs.
fn table_with(difference: serde_json::Value) -> Table {
    let mut table = serde_json::json!({
        "oid": 1, "schema": "s", "table": "t", "kind": "table", "persistence": "permanent", "relpages": 1_000,
        "relpages_bytes": 1_000 * BLOCK, "reltuples": 100_000.0, "heap": {"bytes": 1_004 * BLOCK, "source": "exact"},
        "toast": {"bytes": 0, "source": "exact"}, "live_rows": 0, "dead_rows": 0, "modified_since_analyze": 0,
        "inserted_since_vacuum": 0, "seq_scan": 0, "rows_inserted": 0, "rows_updated": 0, "rows_hot_updated": 0,
        "rows_deleted": 0,
    });
    for (key, value) in difference.as_object().unwrap() {
        table[key] = value.clone();
    }
    serde_json::from_value(table).unwrap()
}

#[test]
fn estimate_table_returns_bloat_or_reason() {
    use serde_json::json;
    let column = (INT4, Some(column_statistics(4, 0.0, -1.0)));
    let columns =
        TableColumns { fillfactor: 100, visibility: Visibility::Visible, columns: vec![column], dropped: Vec::new() };
    let estimate = |difference| estimate_table(&table_with(difference), Some(&columns));
    // 443 pages would do; the maps of free space and visibility are no bloat.
    let bloat = |pages| Ok(Some(Bloat { bytes: pages * BLOCK, source: BloatSource::Estimated }));
    assert_eq!(estimate(json!({})), bloat(557));
    assert_eq!(estimate(json!({"reltuples": 1e9})), bloat(0));
    assert_eq!(estimate(json!({"kind": "foreign_table"})), Ok(None));
    let empty = json!({"heap": {"bytes": 0, "source": "exact"}});
    assert_eq!(estimate(empty.clone()), Ok(Some(Bloat::NONE)));
    assert_eq!(estimate_table(&table_with(empty), None), Ok(Some(Bloat::NONE)));
    let never = json!({"relpages": 0, "relpages_bytes": 0, "reltuples": -1.0});
    assert_eq!(estimate(never), Err(EstimateError::NeverAnalyzed));
    assert_eq!(estimate_table(&table_with(json!({})), None), Err(EstimateError::NotRead));
    for (visibility, why) in
        [(Visibility::NoSelect, EstimateError::NoSelect), (Visibility::RowSecurity, EstimateError::RowSecurity)]
    {
        let hidden = TableColumns { visibility, ..columns.clone() };
        assert_eq!(estimate_table(&table_with(json!({})), Some(&hidden)), Err(why));
    }
    let unknown = TableColumns { columns: vec![column, (TEXT, None)], ..columns };
    assert_eq!(estimate_table(&table_with(json!({})), Some(&unknown)), Err(EstimateError::NeverAnalyzed));
}

#[test]
fn zero_alignment_or_block_does_not_panic() {
    // As an edited snapshot may have them.
    assert_eq!(Width::exactly(3).aligned(0).mean(), 3.0);
    let zero = ColumnLayout { attlen: 4, attalign: 0 };
    assert!(heap_pages(1_000, 100, &[(zero, column_statistics(4, 0.0, -1.0))]) > 0);
    let counted = |block_size| HeapTuples {
        fillfactor: 100,
        block_size,
        table_len: 10 * BLOCK,
        tuple_count: 100,
        tuple_len: 2_800,
    };
    assert_eq!(measured_heap_bloat(&counted(0)), measured_heap_bloat(&counted(BLOCK)));
}

/// A database with one index on a char(2) column of four values.
fn char_index(rows: f64, size: u64, leaf_pages: Option<u64>) -> (crate::facts::DatabaseSnapshot, Index, Table) {
    use serde_json::json;
    let index: Index = serde_json::from_value(json!({
        "oid": 5, "table_oid": 1, "index": "codes", "is_partitioned": false, "parent_oid": null, "method": "btree",
        "tablespace": null, "relpages": size / BLOCK, "reltuples": rows, "is_unique": false, "is_primary": false,
        "is_exclusion": false, "is_immediate": true, "is_valid": true, "is_ready": true, "is_live": true,
        "is_replica_identity": false, "is_clustered": false, "is_partial": false, "is_expression": false,
        "key_columns_count": 1, "column_numbers": [1], "withdrawn_type": "bpchar", "constraint_name": null,
        "constraint": null, "size": {"bytes": size, "source": "exact"}, "idx_scan": 0, "idx_tup_read": 0,
        "idx_tup_fetch": 0, "column_names": null, "definition": null}))
    .unwrap();
    let pages = leaf_pages.map(|leaf_pages| {
        json!({"known": {"5": {"fillfactor": 90, "block_size": BLOCK, "index_size": size, "internal_pages": 50,
                               "leaf_pages": leaf_pages, "avg_leaf_density": 90.0}}})
    });
    let database = serde_json::from_value(json!({
        "database": "shop", "btree_pages": pages,
        "index_keys": {"known": {"5": {"fillfactor": 90, "deduplicates": true, "visibility": "visible",
            "columns": [[{"attlen": -1, "attalign": 4}, {"null_frac": 0.0, "avg_width": 3, "n_distinct": 4.0}]]}}}}))
    .unwrap();
    (database, index, table_with(json!({"reltuples": rows})))
}

#[test]
fn char_index_bloat_follows_release() {
    const MB: u64 = 1 << 20;
    let bloat = |(database, index, table): &(crate::facts::DatabaseSnapshot, Index, Table), version: u32| {
        index_bloat(database, index, table, version).unwrap().unwrap()
    };
    // 9,000,000 rows freshly built on 15.20 take 193 MB; a release before deduplicates them to 59 MB.
    let fresh = char_index(9e6, 193 * MB, None);
    assert!(bloat(&fresh, 150_020).bytes < 2 * MB, "{:?}", bloat(&fresh, 150_020));
    assert!(bloat(&fresh, 150_019).bytes.abs_diff(134 * MB) < 4 * MB, "{:?}", bloat(&fresh, 150_019));
    // 2,000,000 of 20,000,000 rows are left in an index that 15.18 built: REINDEX on 15.20 left 43 MB of 132 MB. The
    // pages alone say 15 MB.
    let old = char_index(2e6, 132 * MB, None);
    assert!(bloat(&old, 150_020).bytes.abs_diff(89 * MB) < 2 * MB, "{:?}", bloat(&old, 150_020));
    let counted = char_index(2e6, 132 * MB, Some(15 * MB / BLOCK));
    let measured = bloat(&counted, 150_020);
    assert_eq!((measured, measured.source), (bloat(&old, 150_020), BloatSource::Estimated));
    assert!(bloat(&counted, 150_019).bytes > 115 * MB && bloat(&counted, 150_019).source == BloatSource::Exact);
    // A packed old index has no bloat: a rebuild makes it larger.
    assert_eq!(bloat(&char_index(1.5e6, 10_420_224, None), 190_000).bytes, 0);
}
