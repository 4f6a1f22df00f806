//! Facts for the prediction of the size after a logical copy: statistics of the largest relations, including catalogs,
//! and samples of the largest TOAST relations.

use super::{
    Scope,
    bloat::{
        column_layout, column_statistics, decode_table_columns, fetch_by_oid, fetch_each, largest_oids,
        read_fillfactor, read_visibility,
    },
    catalog_facts::CatalogFacts,
    queries,
};
use crate::analysis::pages::btree;
use crate::facts::{Fact, FactGroup, IndexColumn, IndexShape, TableColumns, ToastSample};
use crate::postgres::{Row, RowError, Session, SessionError};
use std::collections::BTreeMap;

/// Maximum number of tables, and of indexes, whose statistics are read.
const MAX_RELATIONS: usize = 2_000;
/// Maximum number of TOAST relations that are sampled.
const MAX_SAMPLED_TOAST: usize = 50;
/// Minimum size in bytes. The size of smaller relations is assumed to stay the same.
const MIN_BYTES: u64 = 48 << 10;
const MIN_TOAST_BYTES: u64 = 256 << 10;

/// The relations to read.
pub struct CopySizeSelection {
    tables: Fact<Vec<i64>>,
    indexes: Fact<Vec<i64>>,
    toasts: Fact<Vec<i64>>,
}

/// The facts that were read.
pub struct CopySizeStatistics {
    pub table_columns: Fact<BTreeMap<u32, TableColumns>>,
    pub index_shapes: Fact<BTreeMap<u32, IndexShape>>,
}

impl CopySizeSelection {
    pub fn new(scope: &Scope, facts: &CatalogFacts) -> CopySizeSelection {
        let not_requested = || Fact::not_requested("sizes after a copy");
        if !scope.facts.contains(FactGroup::CopySize) {
            return CopySizeSelection { tables: not_requested(), indexes: not_requested(), toasts: not_requested() };
        }
        let (tables, indexes) = match (facts.tables.as_result(), facts.indexes.as_result()) {
            (Ok(tables), Ok(indexes)) => (tables, indexes),
            (Err(why), _) | (_, Err(why)) => {
                let missing = || Fact::Unavailable(why.for_fact("sizes after a copy"));
                return CopySizeSelection { tables: missing(), indexes: missing(), toasts: missing() };
            }
        };
        let heaps =
            tables.iter().map(|row| &row.table).filter(|table| table.kind.has_storage() && table.was_measured());
        let heaps = heaps.filter(|table| table.heap.bytes >= MIN_BYTES).map(|table| (table.heap.bytes, table.oid));
        let shapes = indexes.iter().filter(|index| !index.is_partitioned && index.size.bytes >= MIN_BYTES);
        let toasts = tables.iter().map(|row| &row.table).filter(|table| table.toast.bytes >= MIN_TOAST_BYTES);
        CopySizeSelection {
            tables: Fact::Known(largest_oids(heaps, MAX_RELATIONS)),
            indexes: Fact::Known(largest_oids(shapes.map(|index| (index.size.bytes, index.oid)), MAX_RELATIONS)),
            toasts: Fact::Known(largest_oids(toasts.map(|table| (table.toast.bytes, table.oid)), MAX_SAMPLED_TOAST)),
        }
    }

    pub fn is_empty(&self) -> bool {
        [&self.tables, &self.indexes].into_iter().filter_map(Fact::known).all(Vec::is_empty)
    }

    /// Reads the statistics, as part of a round trip.
    pub async fn fetch_statistics(&self, session: &Session) -> CopySizeStatistics {
        let (table_columns, index_shapes) = tokio::join!(biased;
            fetch_by_oid(session, &queries::COLUMN_STATISTICS, &self.tables, decode_table_columns),
            fetch_by_oid(session, &queries::INDEX_SHAPES, &self.indexes, decode_index_shape),
        );
        CopySizeStatistics { table_columns, index_shapes }
    }

    /// Reads the samples in a separate round trip: at most a hundred blocks per relation.
    pub async fn sample_toast(self, session: &Session) -> Result<Fact<BTreeMap<u32, ToastSample>>, SessionError> {
        match self.toasts.known() {
            Some(toasts) if !toasts.is_empty() => {
                session.run_round(fetch_each(session, &queries::TOAST_SAMPLES, self.toasts, decode_toast_sample)).await
            }
            Some(_) => Ok(Fact::Known(BTreeMap::new())),
            None => Ok(self.toasts.map(|_| BTreeMap::new())),
        }
    }
}

fn decode_index_shape(row: &Row) -> Result<IndexShape, RowError> {
    let attlen: Vec<i16> = row.try_get("attlen")?;
    let attalign: Vec<i32> = row.try_get("attalign")?;
    let null_frac: Vec<Option<f32>> = row.try_get("null_frac")?;
    let avg_width: Vec<Option<i32>> = row.try_get("avg_width")?;
    let n_distinct: Vec<Option<f32>> = row.try_get("n_distinct")?;
    let common_values: Vec<Option<i32>> = row.try_get("common_values")?;
    let common_share: Vec<Option<f32>> = row.try_get("common_share")?;
    let elements_per_row: Vec<Option<f32>> = row.try_get("elements_per_row")?;
    let distinct_elements: Vec<Option<i32>> = row.try_get("distinct_elements")?;
    let is_expression: Vec<bool> = row.try_get("is_expression")?;
    let columns = (0..attlen.len()).map(|position| {
        let float_at = |values: &[Option<f32>]| values.get(position).copied().flatten();
        let int_at = |values: &[Option<i32>]| values.get(position).copied().flatten();
        IndexColumn {
            is_expression: is_expression.get(position).copied().unwrap_or(false),
            layout: column_layout(attlen[position], attalign.get(position).copied().unwrap_or(1)),
            statistics: column_statistics(float_at(&null_frac), int_at(&avg_width), float_at(&n_distinct)),
            common_values: int_at(&common_values).and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
            common_share: float_at(&common_share).map_or(0.0, f64::from),
            elements_per_row: float_at(&elements_per_row).map(f64::from),
            distinct_elements: int_at(&distinct_elements).and_then(|count| u32::try_from(count).ok()),
        }
    });
    let set: Option<i32> = row.try_get("fillfactor")?;
    let per_range: Option<i32> = row.try_get("pages_per_range")?;
    Ok(IndexShape {
        fillfactor: set.is_some().then(|| read_fillfactor(row, btree::DEFAULT_FILLFACTOR)).transpose()?,
        pages_per_range: per_range.and_then(|pages| u32::try_from(pages).ok()),
        operator_class: row
            .try_get::<_, Option<crate::postgres::Text>>("operator_class")?
            .map(|name| name.0)
            .unwrap_or_default(),
        deduplicates: row.try_get("deduplicates")?,
        visibility: read_visibility(row)?,
        columns: columns.collect(),
    })
}

fn decode_toast_sample(row: &Row) -> Result<ToastSample, RowError> {
    let count = |column: &str| Ok::<u64, RowError>(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0));
    Ok(ToastSample {
        blocks: count("blocks")?,
        sampled_blocks: count("sampled_blocks")?,
        lengths: row
            .try_get::<_, Vec<i32>>("lengths")?
            .into_iter()
            .filter_map(|length| u32::try_from(length).ok())
            .collect(),
    })
}
