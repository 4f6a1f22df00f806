//! Definitions and column names of the indexes that will be shown.

use super::{Scope, ask, first_look::FirstLook, foremost::foremost, queries, relations::shown, scope::Definitions};
use crate::{
    model::{Fact, Index, OidMap, OidSet},
    pg::{QueryError, Session, Text},
};
use std::collections::HashMap;

/// The indexes whose definitions are read.
#[derive(Default)]
pub struct Wanted {
    oids: Vec<i64>,
    table_oids: Vec<i64>,
}

/// Chooses them: the largest by what is known of their sizes.
pub fn wanted(scope: &Scope, first: &FirstLook) -> Fact<Wanted> {
    let query = &queries::INDEX_DEFINITIONS;
    let Definitions::Matching { schema, table, most } = &scope.definitions else {
        return Fact::not_asked(query.fact);
    };
    let (Fact::Known(tables), Fact::Known(indexes)) = (&first.tables, &first.indexes) else {
        let missing = first.tables.as_result().err().or(first.indexes.as_result().err());
        return missing.map_or(Fact::not_asked(query.fact), |why| Fact::Unavailable(why.for_fact(query.fact)));
    };
    let shown = shown(tables, schema.as_ref(), table.as_ref());
    let matching: Vec<&Index> = indexes.iter().filter(|index| shown.contains(&index.table_oid)).collect();
    let wanted = foremost(matching, *most, |index| (std::cmp::Reverse(index.size.bytes), index.oid));
    let mut table_oids: Vec<i64> = wanted.iter().map(|index| i64::from(index.table_oid)).collect();
    table_oids.sort_unstable();
    table_oids.dedup();
    Fact::Known(Wanted { oids: wanted.iter().map(|index| i64::from(index.oid)).collect(), table_oids })
}

type Rows<Key, Value> = Result<Vec<(Key, Value)>, QueryError>;

/// What a round has answered.
pub struct Answers {
    /// By index.
    definitions: Rows<u32, Option<String>>,
    /// By table and number.
    columns: Rows<(u32, i16), String>,
}

/// Part of a round.
pub async fn ask(session: &Session, wanted: Option<&Wanted>) -> Option<Answers> {
    let wanted = wanted.filter(|wanted| !wanted.oids.is_empty())?;
    let (definitions, columns) = tokio::join!(biased;
        session.read(&queries::INDEX_DEFINITIONS, Some(&wanted.oids), |row| {
            let definition: Option<Text> = row.try_get("definition")?;
            Ok((row.try_get::<_, i64>("oid")? as u32, definition.map(|text| text.0)))
        }),
        session.read(&queries::INDEX_COLUMNS, Some(&wanted.table_oids), |row| {
            let place = (row.try_get::<_, i64>("table_oid")? as u32, row.try_get::<_, i16>("number")?);
            Ok((place, row.try_get::<_, Text>("name")?.0))
        }),
    );
    Some(Answers { definitions, columns })
}

/// Enters the answers; answers how many definitions were read, or what was missing.
pub fn enter(session: &Session, wanted: Wanted, answers: Option<Answers>, first: &mut FirstLook) -> Fact<u64> {
    let (Fact::Known(indexes), Some(Answers { definitions, columns })) = (&mut first.indexes, answers) else {
        return Fact::Known(0);
    };
    let answer = match (&definitions, &columns) {
        (Ok(rows), Ok(_)) => Fact::Known(rows.len() as u64),
        (Err(error), _) => Fact::Unavailable(ask::unavailable(session, &queries::INDEX_DEFINITIONS, error)),
        (_, Err(error)) => Fact::Unavailable(ask::unavailable(session, &queries::INDEX_COLUMNS, error)),
    };
    let mut definitions: OidMap<Option<String>> = definitions.unwrap_or_default().into_iter().collect();
    let columns: HashMap<(u32, i16), String> = columns.unwrap_or_default().into_iter().collect();
    let asked: OidSet = wanted.table_oids.iter().filter_map(|oid| u32::try_from(*oid).ok()).collect();
    for index in indexes.iter_mut().filter(|index| asked.contains(&index.table_oid)) {
        index.definition = definitions.remove(&index.oid).flatten();
        let names = index.column_numbers.iter().map(|number| match number {
            0 => Some(None),
            number => columns.get(&(index.table_oid, *number)).map(|name| Some(name.clone())),
        });
        // All or nothing: a column this look does not know leaves the names unknown.
        index.column_names = names.collect();
    }
    answer
}
