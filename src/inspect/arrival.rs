//! What a prediction of the size after a logical copy rests on: statistics of the largest relations, catalogs included,
//! and a few blocks of the largest TOAST relations.

use super::{
    Scope,
    bloat::{by_oid, fillfactor, largest, layout, one_by_one, statistics, table_columns, visibility},
    first_look::FirstLook,
    queries,
};
use crate::{
    model::{
        Fact, TableColumns,
        arrival::{IndexColumn, IndexShape, ToastSample},
    },
    pg::{Row, RowError, Session, SessionError},
};
use std::collections::BTreeMap;

/// Of how many tables, and of how many indexes, the statistics are read.
const MOST: usize = 2_000;
/// Of how many TOAST relations some blocks are read.
const MOST_SAMPLED: usize = 50;
/// Smaller relations are predicted to stay as they are; they are read for what they are worth together.
const NEGLIGIBLE: u64 = 48 << 10;
const NEGLIGIBLE_TOAST: u64 = 256 << 10;

/// The relations that are asked for.
pub struct Wanted {
    tables: Fact<Vec<i64>>,
    indexes: Fact<Vec<i64>>,
    toasts: Fact<Vec<i64>>,
}

/// What was read of them.
pub struct Read {
    pub table_columns: Fact<BTreeMap<u32, TableColumns>>,
    pub index_shapes: Fact<BTreeMap<u32, IndexShape>>,
}

impl Wanted {
    pub fn of(scope: &Scope, first: &FirstLook) -> Wanted {
        let not_asked = || Fact::not_asked("sizes after a copy");
        if !scope.arrival {
            return Wanted { tables: not_asked(), indexes: not_asked(), toasts: not_asked() };
        }
        let (tables, indexes) = match (first.tables.as_result(), first.indexes.as_result()) {
            (Ok(tables), Ok(indexes)) => (tables, indexes),
            (Err(why), _) | (_, Err(why)) => {
                let missing = || Fact::Unavailable(why.for_fact("sizes after a copy"));
                return Wanted { tables: missing(), indexes: missing(), toasts: missing() };
            }
        };
        let heaps = tables.iter().map(|row| &row.table).filter(|it| it.kind.has_storage() && it.was_measured());
        let heaps = heaps.filter(|it| it.heap.bytes >= NEGLIGIBLE).map(|it| (it.heap.bytes, it.oid));
        let shapes = indexes.iter().filter(|it| !it.is_partitioned && it.size.bytes >= NEGLIGIBLE);
        let toasts = tables.iter().map(|row| &row.table).filter(|it| it.toast.bytes >= NEGLIGIBLE_TOAST);
        Wanted {
            tables: Fact::Known(largest(heaps, MOST)),
            indexes: Fact::Known(largest(shapes.map(|it| (it.size.bytes, it.oid)), MOST)),
            toasts: Fact::Known(largest(toasts.map(|it| (it.toast.bytes, it.oid)), MOST_SAMPLED)),
        }
    }

    pub fn is_empty(&self) -> bool {
        [&self.tables, &self.indexes].into_iter().filter_map(Fact::known).all(Vec::is_empty)
    }

    /// Part of a round.
    pub async fn ask(&self, session: &Session) -> Read {
        let (table_columns, index_shapes) = tokio::join!(biased;
            by_oid(session, &queries::COLUMN_STATISTICS, &self.tables, table_columns),
            by_oid(session, &queries::INDEX_SHAPES, &self.indexes, index_shape),
        );
        Read { table_columns, index_shapes }
    }

    /// A round of its own: these relations are read themselves, a hundred blocks each at most.
    pub async fn sample(self, session: &Session) -> Result<Fact<BTreeMap<u32, ToastSample>>, SessionError> {
        match self.toasts.known() {
            Some(toasts) if !toasts.is_empty() => {
                session.round(one_by_one(session, &queries::TOAST_SAMPLES, self.toasts, toast_sample)).await
            }
            Some(_) => Ok(Fact::Known(BTreeMap::new())),
            None => Ok(self.toasts.map(|_| BTreeMap::new())),
        }
    }
}

fn index_shape(row: &Row) -> Result<IndexShape, RowError> {
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
    let columns = (0..attlen.len()).map(|at| {
        let of = |values: &[Option<f32>]| values.get(at).copied().flatten();
        let count = |values: &[Option<i32>]| values.get(at).copied().flatten();
        IndexColumn {
            is_expression: is_expression.get(at).copied().unwrap_or(false),
            layout: layout(attlen[at], attalign.get(at).copied().unwrap_or(1)),
            statistics: statistics(of(&null_frac), count(&avg_width), of(&n_distinct)),
            common_values: count(&common_values).and_then(|it| u32::try_from(it).ok()).unwrap_or(0),
            common_share: of(&common_share).map_or(0.0, f64::from),
            elements_per_row: of(&elements_per_row).map(f64::from),
            distinct_elements: count(&distinct_elements).and_then(|it| u32::try_from(it).ok()),
        }
    });
    let set: Option<i32> = row.try_get("fillfactor")?;
    let per_range: Option<i32> = row.try_get("pages_per_range")?;
    Ok(IndexShape {
        fillfactor: set.is_some().then(|| fillfactor(row, 90)).transpose()?,
        pages_per_range: per_range.and_then(|it| u32::try_from(it).ok()),
        operator_class: row.try_get::<_, Option<crate::pg::Text>>("operator_class")?.map(|it| it.0).unwrap_or_default(),
        deduplicates: row.try_get("deduplicates")?,
        visibility: visibility(row)?,
        columns: columns.collect(),
    })
}

fn toast_sample(row: &Row) -> Result<ToastSample, RowError> {
    let count = |column: &str| Ok::<u64, RowError>(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0));
    Ok(ToastSample {
        blocks: count("blocks")?,
        sampled_blocks: count("sampled_blocks")?,
        lengths: row.try_get::<_, Vec<i32>>("lengths")?.into_iter().filter_map(|it| u32::try_from(it).ok()).collect(),
    })
}
