//! Definitions and column names of the indexes that are shown.

use super::{
    Scope, catalog_facts::CatalogFacts, fetch, queries, relations::shown_tables, scope::Definitions, top_n::top_n,
};
use crate::facts::{Fact, Index, OidMap, OidSet};
use crate::postgres::{QueryError, Session, Text};
use std::collections::HashMap;

/// The indexes whose definitions are read.
#[derive(Default)]
pub struct DefinitionSelection {
    oids: Vec<i64>,
    table_oids: Vec<i64>,
}

/// Selects the largest indexes by the sizes known so far.
pub fn select_indexes(scope: &Scope, facts: &CatalogFacts) -> Fact<DefinitionSelection> {
    let query = &queries::INDEX_DEFINITIONS;
    let Definitions::Matching { schema, table, most } = &scope.definitions else {
        return Fact::not_requested(query.fact);
    };
    let (Fact::Known(tables), Fact::Known(indexes)) = (&facts.tables, &facts.indexes) else {
        let missing = facts.tables.as_result().err().or(facts.indexes.as_result().err());
        return missing.map_or(Fact::not_requested(query.fact), |why| Fact::Unavailable(why.for_fact(query.fact)));
    };
    let shown = shown_tables(tables, schema.as_ref(), table.as_ref());
    let matching: Vec<&Index> = indexes.iter().filter(|index| shown.contains(&index.table_oid)).collect();
    let selected = top_n(matching, *most, |index| (std::cmp::Reverse(index.size.bytes), index.oid));
    let mut table_oids: Vec<i64> = selected.iter().map(|index| i64::from(index.table_oid)).collect();
    table_oids.sort_unstable();
    table_oids.dedup();
    Fact::Known(DefinitionSelection { oids: selected.iter().map(|index| i64::from(index.oid)).collect(), table_oids })
}

type Rows<Key, Value> = Result<Vec<(Key, Value)>, QueryError>;

/// The rows of one round trip.
pub struct DefinitionRows {
    /// Definitions by index OID.
    definitions: Rows<u32, Option<String>>,
    /// Column names by table OID and column number.
    columns: Rows<(u32, i16), String>,
}

/// Reads the definitions, as part of a round trip.
pub async fn fetch_definitions(session: &Session, selection: Option<&DefinitionSelection>) -> Option<DefinitionRows> {
    let selection = selection.filter(|wanted| !wanted.oids.is_empty())?;
    let (definitions, columns) = tokio::join!(biased;
        session.read(&queries::INDEX_DEFINITIONS, Some(&selection.oids), |row| {
            let definition: Option<Text> = row.try_get("definition")?;
            Ok((row.try_get::<_, i64>("oid")? as u32, definition.map(|text| text.0)))
        }),
        session.read(&queries::INDEX_COLUMNS, Some(&selection.table_oids), |row| {
            let column = (row.try_get::<_, i64>("table_oid")? as u32, row.try_get::<_, i16>("number")?);
            Ok((column, row.try_get::<_, Text>("name")?.0))
        }),
    );
    Some(DefinitionRows { definitions, columns })
}

/// Stores the definitions in the facts. Returns the number of definitions, or the reason why none could be read.
pub fn add_definitions(
    session: &Session,
    selection: DefinitionSelection,
    rows: Option<DefinitionRows>,
    facts: &mut CatalogFacts,
) -> Fact<u64> {
    let (Fact::Known(indexes), Some(DefinitionRows { definitions, columns })) = (&mut facts.indexes, rows) else {
        return Fact::Known(0);
    };
    let definitions_read = match (&definitions, &columns) {
        (Ok(rows), Ok(_)) => Fact::Known(rows.len() as u64),
        (Err(error), _) => Fact::Unavailable(fetch::unavailable_fact(session, &queries::INDEX_DEFINITIONS, error)),
        (_, Err(error)) => Fact::Unavailable(fetch::unavailable_fact(session, &queries::INDEX_COLUMNS, error)),
    };
    let mut definitions: OidMap<Option<String>> = definitions.unwrap_or_default().into_iter().collect();
    let columns: HashMap<(u32, i16), String> = columns.unwrap_or_default().into_iter().collect();
    let table_oids: OidSet = selection.table_oids.iter().filter_map(|oid| u32::try_from(*oid).ok()).collect();
    for index in indexes.iter_mut().filter(|index| table_oids.contains(&index.table_oid)) {
        index.definition = definitions.remove(&index.oid).flatten();
        let names = index.column_numbers.iter().map(|number| match number {
            0 => Some(None),
            number => columns.get(&(index.table_oid, *number)).map(|name| Some(name.clone())),
        });
        // If one column is missing, all names of the index stay unknown.
        index.column_names = names.collect();
    }
    definitions_read
}
