//! Facts for bloat: statistics of the relations that are shown and, if requested, full scans.

use super::{
    Scope,
    catalog_facts::CatalogFacts,
    fetch, queries,
    relations::shown_tables,
    scope::{BloatFilter, MAX_STATISTICS},
    top_n::top_n,
};
use crate::analysis::bloat::can_estimate_index;
use crate::analysis::pages::{btree, heap};
use crate::facts::{
    BtreePages, ColumnLayout, ColumnStatistics, Fact, FactGroup, ForeignObject, HeapTuples, Index, IndexKey, OidMap,
    Table, TableColumns, Unavailable, Visibility,
};
use crate::postgres::{Query, Row, RowError, Session, SessionError};
use crate::quote::grant;
use futures_util::future::join_all;
use serde::Deserialize;
use std::{cmp::Reverse, collections::BTreeMap};

/// The relations whose bloat is estimated, the largest first.
pub struct BloatSelection {
    tables: Fact<Vec<i64>>,
    indexes: Fact<Vec<i64>>,
}

/// The statistics of the selected relations.
pub struct BloatStatistics {
    pub table_columns: Fact<BTreeMap<u32, TableColumns>>,
    pub index_keys: Fact<BTreeMap<u32, IndexKey>>,
}

impl Default for BloatStatistics {
    fn default() -> Self {
        BloatStatistics {
            table_columns: Fact::not_requested(queries::COLUMN_STATISTICS.fact),
            index_keys: Fact::not_requested(queries::INDEX_KEY_STATISTICS.fact),
        }
    }
}

impl BloatSelection {
    /// The shown relations that were measured. Before the first ANALYZE, they have no statistics.
    pub fn new(scope: &Scope, facts: &CatalogFacts) -> BloatSelection {
        let measured = |table: &Table| table.was_measured();
        BloatSelection {
            tables: largest_tables(scope, facts, &queries::COLUMN_STATISTICS, MAX_STATISTICS, measured),
            indexes: largest_indexes(
                scope,
                facts,
                &queries::INDEX_KEY_STATISTICS,
                MAX_STATISTICS,
                measured,
                can_estimate_index,
            ),
        }
    }

    pub fn is_empty(&self) -> bool {
        [&self.tables, &self.indexes].into_iter().filter_map(Fact::known).all(Vec::is_empty)
    }

    /// Reads the statistics, as part of a round trip.
    pub async fn fetch_statistics(&self, session: &Session) -> BloatStatistics {
        let (table_columns, index_keys) = tokio::join!(biased;
            fetch_by_oid(session, &queries::COLUMN_STATISTICS, &self.tables, decode_table_columns),
            fetch_by_oid(session, &queries::INDEX_KEY_STATISTICS, &self.indexes, decode_index_key),
        );
        BloatStatistics { table_columns, index_keys }
    }
}

/// Returns the largest tables in the scope, by their total size.
fn largest_tables(
    scope: &Scope,
    facts: &CatalogFacts,
    query: &Query,
    most: usize,
    choose: impl Fn(&Table) -> bool,
) -> Fact<Vec<i64>> {
    let BloatFilter { schema, table, min_size, .. } = &scope.bloat;
    if !scope.facts.contains(FactGroup::TableBloat) {
        return Fact::not_requested(query.fact);
    }
    let tables = match facts.tables.as_result() {
        Ok(tables) => tables,
        Err(why) => return Fact::Unavailable(why.for_fact(query.fact)),
    };
    let mut totals: OidMap<u64> = OidMap::default();
    for index in facts.indexes.known().into_iter().flatten() {
        *totals.entry(index.table_oid).or_default() += index.size.bytes;
    }
    let shown = shown_tables(tables, schema.as_ref(), table.as_ref());
    let chosen = tables
        .iter()
        .map(|row| &row.table)
        .filter(|table| table.kind.has_storage() && shown.contains(&table.oid) && choose(table))
        .map(|table| (totals.get(&table.oid).copied().unwrap_or(0) + table.heap.bytes + table.toast.bytes, table))
        // A partition is part of a sum that may be larger.
        .filter(|(bytes, table)| bytes >= min_size || table.parent_oid.is_some())
        .map(|(bytes, table)| (bytes, table.oid));
    Fact::Known(largest_oids(chosen, most))
}

/// The largest indexes in the scope.
fn largest_indexes(
    scope: &Scope,
    facts: &CatalogFacts,
    query: &Query,
    most: usize,
    choose_table: impl Fn(&Table) -> bool,
    choose: impl Fn(&Index) -> bool,
) -> Fact<Vec<i64>> {
    let BloatFilter { schema, table, min_size, .. } = &scope.bloat;
    if !scope.facts.contains(FactGroup::IndexBloat) {
        return Fact::not_requested(query.fact);
    }
    let (tables, indexes) = match (facts.tables.as_result(), facts.indexes.as_result()) {
        (Ok(tables), Ok(indexes)) => (tables, indexes),
        (Err(why), _) | (_, Err(why)) => return Fact::Unavailable(why.for_fact(query.fact)),
    };
    let mut shown = shown_tables(tables, schema.as_ref(), table.as_ref());
    for row in tables.iter().filter(|row| !choose_table(&row.table)) {
        shown.remove(&row.table.oid);
    }
    let chosen = indexes
        .iter()
        .filter(|index| shown.contains(&index.table_oid) && choose(index))
        .filter(|index| index.size.bytes >= *min_size || index.parent_oid.is_some())
        .map(|index| (index.size.bytes, index.oid));
    Fact::Known(largest_oids(chosen, most))
}

pub fn largest_oids<S: Ord + Copy>(relations: impl Iterator<Item = (S, u32)>, most: usize) -> Vec<i64> {
    let largest = top_n(relations.collect(), most, |(size, oid)| (Reverse(*size), *oid));
    largest.into_iter().map(|(_, oid)| i64::from(oid)).collect()
}

pub async fn fetch_by_oid<T>(
    session: &Session,
    query: &Query,
    oids: &Fact<Vec<i64>>,
    decode: fn(&Row) -> Result<T, RowError>,
) -> Fact<BTreeMap<u32, T>> {
    let decode = |row: &Row| Ok((row.try_get::<_, i64>("oid")? as u32, decode(row)?));
    match oids {
        Fact::Unavailable(why) => Fact::Unavailable(why.clone()),
        Fact::Known(oids) if oids.is_empty() => Fact::Known(BTreeMap::new()),
        Fact::Known(oids) => match session.read(query, Some(oids), decode).await {
            Ok(rows) => Fact::Known(rows.into_iter().collect()),
            Err(error) => Fact::Unavailable(fetch::unavailable_fact(session, query, &error)),
        },
    }
}

pub fn read_fillfactor(row: &Row, default_percent: u8) -> Result<u8, RowError> {
    let set: Option<i32> = row.try_get("fillfactor")?;
    Ok(set.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(default_percent))
}

pub fn read_visibility(row: &Row) -> Result<Visibility, RowError> {
    // Null if it was dropped in the meantime.
    let may_select: Option<bool> = row.try_get("may_select")?;
    let row_security: Option<bool> = row.try_get("row_security")?;
    Ok(match (may_select, row_security) {
        (Some(true), Some(true)) => Visibility::RowSecurity,
        (Some(true), _) => Visibility::Visible,
        _ => Visibility::NoSelect,
    })
}

pub fn column_statistics(
    null_frac: Option<f32>,
    avg_width: Option<i32>,
    n_distinct: Option<f32>,
) -> Option<ColumnStatistics> {
    Some(ColumnStatistics {
        null_frac: f64::from(null_frac?),
        avg_width: u32::try_from(avg_width?).ok()?,
        n_distinct: f64::from(n_distinct?),
    })
}

pub fn column_layout(attlen: i16, attalign: i32) -> ColumnLayout {
    ColumnLayout { attlen, attalign: u8::try_from(attalign).unwrap_or(1) }
}

pub fn decode_table_columns(row: &Row) -> Result<TableColumns, RowError> {
    let stores_nothing: Vec<bool> = row.try_get("stores_nothing")?;
    let is_dropped: Vec<bool> = row.try_get("is_dropped")?;
    let mut columns = decode_columns(row)?;
    for ((_, found), stores_nothing) in columns.iter_mut().zip(stores_nothing) {
        if stores_nothing {
            *found = Some(ColumnStatistics::ABSENT);
        }
    }
    Ok(TableColumns {
        fillfactor: read_fillfactor(row, heap::DEFAULT_FILLFACTOR)?,
        visibility: read_visibility(row)?,
        columns,
        dropped: is_dropped.iter().enumerate().filter(|(_, dropped)| **dropped).map(|(position, _)| position).collect(),
    })
}

/// Layout and statistics of columns.
fn decode_columns(row: &Row) -> Result<Vec<(ColumnLayout, Option<ColumnStatistics>)>, RowError> {
    let attlen: Vec<i16> = row.try_get("attlen")?;
    let attalign: Vec<i32> = row.try_get("attalign")?;
    let null_frac: Vec<Option<f32>> = row.try_get("null_frac")?;
    let avg_width: Vec<Option<i32>> = row.try_get("avg_width")?;
    let n_distinct: Vec<Option<f32>> = row.try_get("n_distinct")?;
    let layouts = attlen.into_iter().zip(attalign).map(|(attlen, attalign)| column_layout(attlen, attalign));
    let found = null_frac.into_iter().zip(avg_width).zip(n_distinct);
    Ok(layouts
        .zip(found.map(|((null_frac, avg_width), n_distinct)| column_statistics(null_frac, avg_width, n_distinct)))
        .collect())
}

fn decode_index_key(row: &Row) -> Result<IndexKey, RowError> {
    Ok(IndexKey {
        fillfactor: read_fillfactor(row, btree::DEFAULT_FILLFACTOR)?,
        deduplicates: row.try_get("deduplicates")?,
        visibility: read_visibility(row)?,
        columns: decode_columns(row)?,
    })
}

/// The functions of pgstattuple that this role may call.
#[derive(Deserialize)]
struct Pgstattuple {
    is_installed: bool,
    reads_tables: Option<bool>,
    reads_indexes: Option<bool>,
    foreign_object: Option<ForeignObject>,
}

impl Pgstattuple {
    fn allows(&self, session: &Session, query: &Query, granted: Option<bool>) -> Result<(), Unavailable> {
        if !self.is_installed {
            let why = Unavailable::new(query.fact, "extension pgstattuple is not installed in this database");
            return Err(why.with_hint(Some("CREATE EXTENSION pgstattuple")));
        }
        if let Some(object) = &self.foreign_object {
            return Err(object.unavailable(query.fact));
        }
        let Some(granted) = granted else {
            let why = Unavailable::new(query.fact, "extension pgstattuple does not contain the function");
            return Err(why.with_hint(Some("ALTER EXTENSION pgstattuple UPDATE")));
        };
        if !granted {
            let why = Unavailable::new(query.fact, "permission denied for the functions of pgstattuple");
            return Err(why.with_hint(query.needs().map(|role| grant(role, session.user()))));
        }
        Ok(())
    }
}

/// Counts of full scans; `None` if they were not requested.
#[derive(Default)]
pub struct FullScanCounts {
    pub heap_tuples: Option<Fact<BTreeMap<u32, HeapTuples>>>,
    pub btree_pages: Option<Fact<BTreeMap<u32, BtreePages>>>,
}

/// Scans the largest of the shown relations completely, with one statement per relation.
pub async fn scan_whole_relations(
    session: &Session,
    scope: &Scope,
    facts: &CatalogFacts,
) -> Result<FullScanCounts, SessionError> {
    let most = scope.bloat.full_scans;
    if most == 0 {
        return Ok(FullScanCounts::default());
    }
    let (heap_query, btree_query) = (&queries::HEAP_TUPLES, &queries::BTREE_PAGES);
    let heaps = largest_tables(scope, facts, heap_query, most, |_| true);
    let is_btree = |index: &Index| index.method == "btree" && !index.is_partitioned && index.is_valid;
    let btrees = largest_indexes(scope, facts, btree_query, most, |_| true, is_btree);
    let extension: Fact<Pgstattuple> = session.run_round(fetch::json_row(session, &queries::PGSTATTUPLE)).await?;
    let heaps = allowed_oids(session, heap_query, heaps, &extension, |pgstattuple| pgstattuple.reads_tables);
    let btrees = allowed_oids(session, btree_query, btrees, &extension, |pgstattuple| pgstattuple.reads_indexes);
    let (heap_tuples, btree_pages) = session
        .run_long_round(async {
            tokio::join!(biased;
                fetch_each(session, heap_query, heaps, decode_heap_tuples),
                fetch_each(session, btree_query, btrees, decode_btree_pages),
            )
        })
        .await?;
    Ok(FullScanCounts {
        heap_tuples: scope.facts.contains(FactGroup::TableBloat).then_some(heap_tuples),
        btree_pages: scope.facts.contains(FactGroup::IndexBloat).then_some(btree_pages),
    })
}

/// Returns the relations if the functions of the extension may be called.
fn allowed_oids(
    session: &Session,
    query: &Query,
    oids: Fact<Vec<i64>>,
    extension: &Fact<Pgstattuple>,
    granted: fn(&Pgstattuple) -> Option<bool>,
) -> Fact<Vec<i64>> {
    let oids = match oids {
        Fact::Known(oids) => oids,
        Fact::Unavailable(why) => return Fact::Unavailable(why),
    };
    let allowed = match extension.as_result() {
        Ok(extension) => extension.allows(session, query, granted(extension)),
        Err(why) => Err(why.for_fact(query.fact)),
    };
    allowed.map_or_else(Fact::Unavailable, |()| Fact::Known(oids))
}

/// Reads each relation with a separate statement, so that each has its own time limit and error.
pub async fn fetch_each<T>(
    session: &Session,
    query: &Query,
    oids: Fact<Vec<i64>>,
    decode: fn(&Row) -> Result<T, RowError>,
) -> Fact<BTreeMap<u32, T>> {
    let oids = match oids {
        Fact::Known(oids) => oids,
        Fact::Unavailable(why) => return Fact::Unavailable(why),
    };
    let decode = |row: &Row| Ok((row.try_get::<_, i64>("oid")? as u32, decode(row)?));
    let statements = oids.chunks(1).map(|chunk| session.read(query, Some(chunk), decode));
    let mut found = BTreeMap::new();
    let mut failure = None;
    for result in join_all(statements).await {
        match result {
            Ok(rows) => found.extend(rows),
            Err(error) => failure = Some(fetch::unavailable_fact(session, query, &error)),
        }
    }
    match failure {
        Some(why) if found.is_empty() => Fact::Unavailable(why),
        _ => Fact::Known(found),
    }
}

fn count_column(row: &Row, column: &str) -> Result<u64, RowError> {
    Ok(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0))
}

fn decode_heap_tuples(row: &Row) -> Result<HeapTuples, RowError> {
    Ok(HeapTuples {
        fillfactor: read_fillfactor(row, heap::DEFAULT_FILLFACTOR)?,
        block_size: count_column(row, "block_size")?,
        table_len: count_column(row, "table_len")?,
        tuple_count: count_column(row, "tuple_count")?,
        tuple_len: count_column(row, "tuple_len")?,
    })
}

fn decode_btree_pages(row: &Row) -> Result<BtreePages, RowError> {
    Ok(BtreePages {
        fillfactor: read_fillfactor(row, btree::DEFAULT_FILLFACTOR)?,
        block_size: count_column(row, "block_size")?,
        index_size: count_column(row, "index_size")?,
        internal_pages: count_column(row, "internal_pages")?,
        leaf_pages: count_column(row, "leaf_pages")?,
        avg_leaf_density: row.try_get::<_, Option<f64>>("avg_leaf_density")?.unwrap_or(0.0),
    })
}
