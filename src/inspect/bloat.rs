//! What bloat is judged by: statistics of what will be shown, and where that is asked for, whole relations.

use super::{
    Scope, ask, queries,
    relations::{TableRow, shown},
    scope::{BloatScope, MOST_STATISTICS},
};
use crate::{
    model::{
        BtreePages, ColumnLayout, ColumnStatistics, Fact, HeapTuples, Index, IndexKey, TableColumns, Unavailable,
        Visibility, grant,
    },
    pg::{Query, Row, RowError, Session, SessionError},
};
use futures_util::future::join_all;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// What a table or B-tree is filled to unless it says otherwise.
const HEAP_FILLFACTOR: u8 = 100;
const BTREE_FILLFACTOR: u8 = 90;

/// The relations whose statistics are read; `None` where nobody asked.
pub struct Statistics {
    tables: Option<Vec<i64>>,
    indexes: Option<Vec<i64>>,
}

/// What was read of them.
pub struct Read {
    pub table_columns: Fact<BTreeMap<u32, TableColumns>>,
    pub index_keys: Fact<BTreeMap<u32, IndexKey>>,
}

impl Statistics {
    /// The largest of those that are shown and were measured: before the first ANALYZE there are no statistics.
    pub fn wanted(scope: &Scope, tables: &[TableRow], indexes: &[Index]) -> Statistics {
        let BloatScope { schema, table, .. } = &scope.bloat;
        if !scope.bloat.tables && !scope.bloat.indexes {
            return Statistics { tables: None, indexes: None };
        }
        let shown = shown(tables, schema.as_ref(), table.as_ref());
        let measured: HashMap<u32, i64> = tables
            .iter()
            .filter(|row| shown.contains(&row.table.oid) && row.table.was_measured())
            .map(|row| (row.table.oid, row.table.relpages))
            .collect();
        let heaps = tables
            .iter()
            .filter(|row| row.table.kind.has_storage())
            .filter_map(|row| Some((*measured.get(&row.table.oid)?, row.table.oid)));
        let btrees = indexes
            .iter()
            .filter(|index| index.is_estimated() && measured.contains_key(&index.table_oid))
            .map(|index| (index.relpages, index.oid));
        Statistics {
            tables: scope.bloat.tables.then(|| largest(heaps, MOST_STATISTICS)),
            indexes: scope.bloat.indexes.then(|| largest(btrees, MOST_STATISTICS)),
        }
    }

    pub fn is_empty(&self) -> bool {
        [&self.tables, &self.indexes].into_iter().flatten().all(Vec::is_empty)
    }

    pub async fn ask(&self, session: &Session) -> Read {
        let (table_columns, index_keys) = tokio::join!(biased;
            by_oid(session, &queries::COLUMN_STATISTICS, self.tables.as_deref(), table_columns),
            by_oid(session, &queries::INDEX_KEY_STATISTICS, self.indexes.as_deref(), index_key),
        );
        Read { table_columns, index_keys }
    }
}

fn largest<S: Ord>(relations: impl Iterator<Item = (S, u32)>, most: usize) -> Vec<i64> {
    let mut relations: Vec<(S, u32)> = relations.collect();
    relations.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    relations.truncate(most);
    relations.into_iter().map(|(_, oid)| i64::from(oid)).collect()
}

async fn by_oid<T>(
    session: &Session,
    query: &Query,
    oids: Option<&[i64]>,
    decode: fn(&Row) -> Result<T, RowError>,
) -> Fact<BTreeMap<u32, T>> {
    let decode = |row: &Row| Ok((row.try_get::<_, i64>("oid")? as u32, decode(row)?));
    match oids {
        None => Fact::not_asked(query.fact),
        Some([]) => Fact::Known(BTreeMap::new()),
        Some(oids) => match session.read(query, Some(oids), decode).await {
            Ok(rows) => Fact::Known(rows.into_iter().collect()),
            Err(error) => Fact::Unavailable(ask::unavailable(session, query, &error)),
        },
    }
}

fn fillfactor(row: &Row, usual: u8) -> Result<u8, RowError> {
    let set: Option<i32> = row.try_get("fillfactor")?;
    Ok(set.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(usual))
}

fn visibility(row: &Row) -> Result<Visibility, RowError> {
    // Null when it was dropped meanwhile.
    let may_select: Option<bool> = row.try_get("may_select")?;
    let row_security: Option<bool> = row.try_get("row_security")?;
    Ok(match (may_select, row_security) {
        (Some(true), Some(true)) => Visibility::RowSecurity,
        (Some(true), _) => Visibility::Visible,
        _ => Visibility::NoSelect,
    })
}

fn statistics(null_frac: Option<f32>, avg_width: Option<i32>, n_distinct: Option<f32>) -> Option<ColumnStatistics> {
    Some(ColumnStatistics {
        null_frac: f64::from(null_frac?),
        avg_width: u32::try_from(avg_width?).ok()?,
        n_distinct: f64::from(n_distinct?),
    })
}

fn layout(attlen: i16, attalign: i32) -> ColumnLayout {
    ColumnLayout { attlen, attalign: u8::try_from(attalign).unwrap_or(1) }
}

fn table_columns(row: &Row) -> Result<TableColumns, RowError> {
    let attlen: Vec<i16> = row.try_get("attlen")?;
    let attalign: Vec<i32> = row.try_get("attalign")?;
    let stores_nothing: Vec<bool> = row.try_get("stores_nothing")?;
    let null_frac: Vec<Option<f32>> = row.try_get("null_frac")?;
    let avg_width: Vec<Option<i32>> = row.try_get("avg_width")?;
    let n_distinct: Vec<Option<f32>> = row.try_get("n_distinct")?;
    let layouts = attlen.into_iter().zip(attalign).map(|(attlen, attalign)| layout(attlen, attalign));
    let found = null_frac.into_iter().zip(avg_width).zip(n_distinct).zip(stores_nothing);
    let found = found.map(|(((null_frac, avg_width), n_distinct), stores_nothing)| match stores_nothing {
        true => Some(ColumnStatistics::NOTHING),
        false => statistics(null_frac, avg_width, n_distinct),
    });
    Ok(TableColumns {
        fillfactor: fillfactor(row, HEAP_FILLFACTOR)?,
        visibility: visibility(row)?,
        columns: layouts.zip(found).collect(),
    })
}

fn index_key(row: &Row) -> Result<IndexKey, RowError> {
    Ok(IndexKey {
        fillfactor: fillfactor(row, BTREE_FILLFACTOR)?,
        deduplicates: row.try_get("deduplicates")?,
        visibility: visibility(row)?,
        layout: layout(row.try_get("attlen")?, row.try_get("attalign")?),
        statistics: statistics(row.try_get("null_frac")?, row.try_get("avg_width")?, row.try_get("n_distinct")?),
    })
}

/// What the extension lets this role do.
#[derive(Deserialize)]
struct Pgstattuple {
    is_installed: bool,
    reads_tables: Option<bool>,
    reads_indexes: Option<bool>,
}

impl Pgstattuple {
    fn allows(&self, session: &Session, query: &Query, granted: Option<bool>) -> Result<(), Unavailable> {
        if !self.is_installed {
            let why = Unavailable::because(query.fact, "the extension pgstattuple is not installed in this database");
            return Err(why.with_hint(Some("CREATE EXTENSION pgstattuple")));
        }
        if granted != Some(true) {
            let why = Unavailable::because(query.fact, "permission denied for the functions of pgstattuple");
            return Err(why.with_hint(query.needs().map(|role| grant(role, session.user()))));
        }
        Ok(())
    }
}

type WholeTables = Option<Fact<BTreeMap<u32, HeapTuples>>>;
type WholeIndexes = Option<Fact<BTreeMap<u32, BtreePages>>>;

/// Reads the largest of what is shown from the first page to the last, one statement a relation.
pub async fn read_whole(
    session: &Session,
    scope: &Scope,
    tables: &[TableRow],
    indexes: &[Index],
) -> Result<(WholeTables, WholeIndexes), SessionError> {
    let BloatScope { schema, table, min_size, read_whole, .. } = &scope.bloat;
    if *read_whole == 0 {
        return Ok((None, None));
    }
    let shown = shown(tables, schema.as_ref(), table.as_ref());
    let heaps = scope.bloat.tables.then(|| {
        let mut totals: HashMap<u32, u64> = HashMap::new();
        for index in indexes {
            *totals.entry(index.table_oid).or_default() += index.size.bytes;
        }
        let totals = tables
            .iter()
            .map(|row| &row.table)
            .filter(|it| it.kind.has_storage())
            .map(|it| (totals.get(&it.oid).copied().unwrap_or(0) + it.heap.bytes + it.toast.bytes, it.oid));
        largest(totals.filter(|(bytes, oid)| bytes >= min_size && shown.contains(oid)), *read_whole)
    });
    let btrees = scope.bloat.indexes.then(|| {
        let btrees = indexes.iter().filter(|it| it.method == "btree" && !it.is_partitioned && it.is_valid);
        let btrees = btrees.filter(|it| it.size.bytes >= *min_size && shown.contains(&it.table_oid));
        largest(btrees.map(|index| (index.size.bytes, index.oid)), *read_whole)
    });
    let extension: Fact<Pgstattuple> = session.round(ask::one(session, &queries::PGSTATTUPLE)).await?;
    let allowed = |query: &Query, granted: fn(&Pgstattuple) -> Option<bool>| match extension.as_result() {
        Ok(extension) => extension.allows(session, query, granted(extension)),
        Err(why) => Err(why.for_fact(query.fact)),
    };
    let may_tables = allowed(&queries::HEAP_TUPLES, |it| it.reads_tables);
    let may_indexes = allowed(&queries::BTREE_PAGES, |it| it.reads_indexes);
    session
        .patient_round(async {
            tokio::join!(biased;
                one_by_one(session, &queries::HEAP_TUPLES, heaps, may_tables, heap_tuples),
                one_by_one(session, &queries::BTREE_PAGES, btrees, may_indexes, btree_pages),
            )
        })
        .await
}

/// Each relation is a statement, so that each has its own time and fails alone.
async fn one_by_one<T>(
    session: &Session,
    query: &Query,
    oids: Option<Vec<i64>>,
    allowed: Result<(), Unavailable>,
    decode: fn(&Row) -> Result<T, RowError>,
) -> Option<Fact<BTreeMap<u32, T>>> {
    let oids = oids?;
    if let Err(why) = allowed {
        return Some(Fact::Unavailable(why));
    }
    let decode = |row: &Row| Ok((row.try_get::<_, i64>("oid")? as u32, decode(row)?));
    let questions = oids.chunks(1).map(|one| session.read(query, Some(one), decode));
    let mut found = BTreeMap::new();
    let mut failure = None;
    for answer in join_all(questions).await {
        match answer {
            Ok(rows) => found.extend(rows),
            Err(error) => failure = Some(ask::unavailable(session, query, &error)),
        }
    }
    Some(match failure {
        Some(why) if found.is_empty() => Fact::Unavailable(why),
        _ => Fact::Known(found),
    })
}

fn count(row: &Row, column: &str) -> Result<u64, RowError> {
    Ok(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0))
}

fn heap_tuples(row: &Row) -> Result<HeapTuples, RowError> {
    Ok(HeapTuples {
        fillfactor: fillfactor(row, HEAP_FILLFACTOR)?,
        block_size: count(row, "block_size")?,
        table_len: count(row, "table_len")?,
        tuple_count: count(row, "tuple_count")?,
        tuple_len: count(row, "tuple_len")?,
    })
}

fn btree_pages(row: &Row) -> Result<BtreePages, RowError> {
    Ok(BtreePages {
        fillfactor: fillfactor(row, BTREE_FILLFACTOR)?,
        block_size: count(row, "block_size")?,
        index_size: count(row, "index_size")?,
        internal_pages: count(row, "internal_pages")?,
        leaf_pages: count(row, "leaf_pages")?,
        avg_leaf_density: row.try_get::<_, Option<f64>>("avg_leaf_density")?.unwrap_or(0.0),
    })
}
