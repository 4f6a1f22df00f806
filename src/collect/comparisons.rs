//! Facts for comparing two indexes of one table. They are read only for indexes that could replace each other.

use super::{fetch, queries};
use crate::facts::{
    Correlation, FIRST_NORMAL_OBJECT_ID, Fact, Index, IndexFacts, IndexKeys, IndexTexts, are_comparable,
    differ_only_in_texts,
};
use crate::postgres::{Oid, Query, Row, RowError, Session, Text};
use std::collections::BTreeMap;

/// The indexes and tables to read: keys, texts and statistics.
#[derive(Default)]
pub struct ComparisonSelection {
    keys: Vec<i64>,
    texts: Vec<i64>,
    tables: Vec<i64>,
}

impl ComparisonSelection {
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Selects keys of comparable indexes, texts of indexes that differ only in them, and statistics of tables with an
    /// index on one column that is the first column of another.
    pub fn new(indexes: &[Index]) -> ComparisonSelection {
        let mut selection = ComparisonSelection::default();
        let mut sorted: Vec<&Index> = indexes.iter().filter(|index| index.oid >= FIRST_NORMAL_OBJECT_ID).collect();
        sorted.sort_unstable_by_key(|index| (index.table_oid, index.oid));
        for family in sorted.chunk_by(|a, b| a.table_oid == b.table_oid).filter(|family| family.len() > 1) {
            let begins = |a: &Index, b: &Index| {
                a.key_columns_count == 1 && b.key_columns_count > 1 && a.column_numbers.first() != Some(&0)
            };
            let mut statistics_matter = false;
            for a in family {
                let oid = i64::from(a.oid);
                let related = || family.iter().filter(|b| are_comparable(a, b));
                if related().next().is_some() {
                    selection.keys.push(oid);
                }
                if related().any(|b| differ_only_in_texts(a, b)) {
                    selection.texts.push(oid);
                }
                statistics_matter |= related().any(|b| begins(a, b));
            }
            if statistics_matter {
                selection.tables.push(i64::from(family[0].table_oid));
            }
        }
        selection
    }

    /// Reads the facts, as part of a round trip.
    pub async fn fetch_rows(&self, session: &Session) -> ComparisonRows {
        let (keys, texts, correlations) = tokio::join!(biased;
            fetch_for_oids(session, &queries::INDEX_KEYS, &self.keys, decode_keys),
            fetch_for_oids(session, &queries::INDEX_TEXTS, &self.texts, decode_texts),
            fetch_for_oids(session, &queries::COLUMN_CORRELATIONS, &self.tables, decode_correlation),
        );
        ComparisonRows { keys, texts, correlations }
    }
}

/// The rows of one round trip.
pub struct ComparisonRows {
    keys: Fact<Vec<(u32, IndexKeys)>>,
    texts: Fact<Vec<(u32, IndexTexts)>>,
    correlations: Fact<Vec<Correlation>>,
}

impl ComparisonRows {
    pub fn add_to(self, facts: &mut IndexFacts) {
        facts.keys = self.keys.map(BTreeMap::from_iter);
        facts.texts = self.texts.map(BTreeMap::from_iter);
        facts.correlations = self.correlations.map(|mut rows| {
            rows.sort_unstable_by_key(|row| (row.table_oid, row.number));
            rows
        });
    }
}

/// Reads a fact of these OIDs; sends no query without OIDs.
async fn fetch_for_oids<T>(
    session: &Session,
    query: &Query,
    oids: &[i64],
    decode: fn(&Row) -> Result<T, RowError>,
) -> Fact<Vec<T>> {
    if oids.is_empty() {
        return Fact::Known(Vec::new());
    }
    match session.read(query, Some(oids), decode).await {
        Ok(rows) => Fact::Known(rows),
        Err(error) => Fact::Unavailable(fetch::unavailable_fact(session, query, &error)),
    }
}

fn decode_keys(row: &Row) -> Result<(u32, IndexKeys), RowError> {
    let parameters: Option<Vec<Option<Text>>> = row.try_get("parameters")?;
    let storage: Option<Vec<Text>> = row.try_get("storage")?;
    let keys = IndexKeys {
        operator_classes: row.try_get("operator_classes")?,
        collations: row.try_get("collations")?,
        options: row.try_get("options")?,
        parameters: parameters.unwrap_or_default().into_iter().map(|text| text.map(|text| text.0)).collect(),
        storage: storage.unwrap_or_default().into_iter().map(|text| text.0).collect(),
        nulls_not_distinct: row.try_get("nulls_not_distinct")?,
        is_not_null: row.try_get("is_not_null")?,
    };
    Ok((row.try_get::<_, Oid>("oid")?.0, keys))
}

fn decode_texts(row: &Row) -> Result<(u32, IndexTexts), RowError> {
    let expressions: Vec<Option<Text>> = row.try_get("expressions")?;
    let texts = IndexTexts {
        expressions: expressions.into_iter().map(|text| text.map_or_else(String::new, |text| text.0)).collect(),
        predicate: row.try_get::<_, Option<Text>>("predicate")?.map(|text| text.0),
    };
    Ok((row.try_get::<_, Oid>("oid")?.0, texts))
}

fn decode_correlation(row: &Row) -> Result<Correlation, RowError> {
    Ok(Correlation {
        table_oid: row.try_get::<_, Oid>("table_oid")?.0,
        number: row.try_get("number")?,
        correlation: row.try_get("correlation")?,
    })
}
