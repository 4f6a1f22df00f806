//! Definitions and column names of the indexes that will be shown.

use super::{
    Scope, ask,
    contents::FirstLook,
    index_facts::{self, Wanted},
    queries,
    scope::Definitions,
};
use crate::{
    model::{Fact, Index},
    pg::{Session, SessionError, Text},
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Reads them in one round trip, together with what verdicts need, and enters both; answers how many definitions were
/// read.
pub async fn read(session: &Session, scope: &Scope, first: &mut FirstLook) -> Result<Fact<u64>, SessionError> {
    let query = &queries::INDEX_DEFINITIONS;
    let judged = if scope.judge { Wanted::of(first) } else { Wanted::default() };
    let (oids, table_oids) = match wanted(scope, first) {
        Ok(wanted) => wanted,
        Err(answer) if judged.is_empty() => {
            if scope.judge {
                first.index_facts.texts = Fact::Known(BTreeMap::new());
                first.index_facts.correlations = Fact::Known(Vec::new());
            }
            return Ok(answer);
        }
        Err(_) => (Vec::new(), Vec::new()),
    };
    let (definitions, columns, judging) = session
        .round(async {
            tokio::join!(biased;
                session.read(query, Some(&oids), |row| {
                    let definition: Option<Text> = row.try_get("definition")?;
                    Ok((row.try_get::<_, i64>("oid")? as u32, definition.map(|text| text.0)))
                }),
                session.read(&queries::INDEX_COLUMNS, Some(&table_oids), |row| {
                    let place = (row.try_get::<_, i64>("table_oid")? as u32, row.try_get::<_, i16>("number")?);
                    Ok((place, row.try_get::<_, Text>("name")?.0))
                }),
                index_facts::second_look(session, &judged),
            )
        })
        .await?;
    if scope.judge {
        (first.index_facts.texts, first.index_facts.correlations) = judging;
    }
    let Fact::Known(indexes) = &mut first.indexes else { return Ok(Fact::not_asked(query.fact)) };
    let answer = match &definitions {
        Ok(rows) => Fact::Known(rows.len() as u64),
        Err(error) => Fact::Unavailable(ask::unavailable(session, query, error)),
    };
    let mut definitions: HashMap<u32, Option<String>> = definitions.unwrap_or_default().into_iter().collect();
    let columns: HashMap<(u32, i16), String> = columns.unwrap_or_default().into_iter().collect();
    for index in indexes.iter_mut() {
        index.definition = definitions.remove(&index.oid).flatten();
        let names = index.column_numbers.iter().map(|number| match number {
            0 => Some(None),
            number => columns.get(&(index.table_oid, *number)).map(|name| Some(name.clone())),
        });
        // All or nothing: a column this look does not know leaves the names unknown.
        if table_oids.binary_search(&i64::from(index.table_oid)).is_ok() {
            index.column_names = names.collect();
        }
    }
    Ok(answer)
}

/// Indexes whose definitions will be shown, and their tables; or what to answer where none are.
fn wanted(scope: &Scope, first: &FirstLook) -> Result<(Vec<i64>, Vec<i64>), Fact<u64>> {
    let query = &queries::INDEX_DEFINITIONS;
    let Definitions::Matching { schema, table, most } = &scope.definitions else {
        return Err(Fact::not_asked(query.fact));
    };
    let (Fact::Known(tables), Fact::Known(indexes)) = (&first.tables, &first.indexes) else {
        let missing = first.tables.as_result().err().or(first.indexes.as_result().err());
        return Err(missing.map_or(Fact::not_asked(query.fact), |why| Fact::Unavailable(why.for_fact(query.fact))));
    };
    let shown: HashSet<u32> = tables
        .iter()
        .filter(|row| !row.table.is_catalog())
        .filter(|row| schema.as_ref().is_none_or(|glob| glob.matches(&row.table.schema)))
        .filter(|row| table.as_ref().is_none_or(|glob| glob.matches(&row.table.table)))
        .map(|row| row.table.oid)
        .collect();
    let mut wanted: Vec<&Index> = indexes.iter().filter(|index| shown.contains(&index.table_oid)).collect();
    wanted.sort_unstable_by_key(|index| (std::cmp::Reverse(index.size.bytes), index.oid));
    wanted.truncate(*most);
    if wanted.is_empty() {
        return Err(Fact::Known(0));
    }
    let oids: Vec<i64> = wanted.iter().map(|index| i64::from(index.oid)).collect();
    let mut table_oids: Vec<i64> = wanted.iter().map(|index| i64::from(index.table_oid)).collect();
    table_oids.sort_unstable();
    table_oids.dedup();
    Ok((oids, table_oids))
}
