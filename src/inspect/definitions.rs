//! Definitions and column names of the indexes that will be shown.

use super::{
    Scope, ask, queries,
    relations::{TableRow, shown},
    scope::Definitions,
};
use crate::{
    model::{Fact, Index},
    pg::{QueryError, Session, Text},
};
use std::collections::HashMap;

/// The indexes whose definitions are read, and their tables.
#[derive(Default)]
pub struct Wanted {
    indexes: Vec<i64>,
    tables: Vec<i64>,
}

/// A table's OID and a column's number.
type Place = (u32, i16);

/// What the server answered.
pub struct Answers {
    definitions: Result<Vec<(u32, Option<String>)>, QueryError>,
    columns: Result<Vec<(Place, String)>, QueryError>,
}

impl Wanted {
    /// The largest of those that are shown.
    pub fn of(scope: &Scope, tables: &[TableRow], indexes: &[Index]) -> Wanted {
        let Definitions::Matching { schema, table, most } = &scope.definitions else { return Wanted::default() };
        let shown = shown(tables, schema.as_ref(), table.as_ref());
        let mut wanted: Vec<&Index> = indexes.iter().filter(|index| shown.contains(&index.table_oid)).collect();
        wanted.sort_unstable_by_key(|index| (std::cmp::Reverse(index.size.bytes), index.oid));
        wanted.truncate(*most);
        let mut tables: Vec<i64> = wanted.iter().map(|index| i64::from(index.table_oid)).collect();
        tables.sort_unstable();
        tables.dedup();
        Wanted { indexes: wanted.iter().map(|index| i64::from(index.oid)).collect(), tables }
    }

    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// Asks for definitions and column names.
    pub async fn ask(&self, session: &Session) -> Option<Answers> {
        if self.is_empty() {
            return None;
        }
        let (definitions, columns) = tokio::join!(biased;
            session.read(&queries::INDEX_DEFINITIONS, Some(&self.indexes), |row| {
                let definition: Option<Text> = row.try_get("definition")?;
                Ok((row.try_get::<_, i64>("oid")? as u32, definition.map(|text| text.0)))
            }),
            session.read(&queries::INDEX_COLUMNS, Some(&self.tables), |row| {
                let place = (row.try_get::<_, i64>("table_oid")? as u32, row.try_get::<_, i16>("number")?);
                Ok((place, row.try_get::<_, Text>("name")?.0))
            }),
        );
        Some(Answers { definitions, columns })
    }

    /// Enters them; answers how many definitions were read.
    pub fn enter(
        &self,
        session: &Session,
        scope: &Scope,
        answers: Option<Answers>,
        indexes: &mut [Index],
    ) -> Fact<u64> {
        let query = &queries::INDEX_DEFINITIONS;
        let Some(answers) = answers else {
            return match scope.definitions {
                Definitions::None => Fact::not_asked(query.fact),
                Definitions::Matching { .. } => Fact::Known(0),
            };
        };
        let answer = match &answers.definitions {
            Ok(rows) => Fact::Known(rows.len() as u64),
            Err(error) => Fact::Unavailable(ask::unavailable(session, query, error)),
        };
        let mut definitions: HashMap<u32, Option<String>> =
            answers.definitions.unwrap_or_default().into_iter().collect();
        let columns: HashMap<Place, String> = answers.columns.unwrap_or_default().into_iter().collect();
        for index in indexes {
            index.definition = definitions.remove(&index.oid).flatten();
            let names = index.column_numbers.iter().map(|number| match number {
                0 => Some(None),
                number => columns.get(&(index.table_oid, *number)).map(|name| Some(name.clone())),
            });
            // All or nothing: a column this look does not know leaves the names unknown.
            if self.tables.binary_search(&i64::from(index.table_oid)).is_ok() {
                index.column_names = names.collect();
            }
        }
        answer
    }
}
