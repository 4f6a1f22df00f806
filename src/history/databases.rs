//! Writing the databases of a sample.

use super::{
    HistoryError,
    dialect::{Row, Transaction, binds},
    identity::NewSample,
    time::size,
};
use crate::facts::{DatabaseSnapshot, Snapshot};
use std::collections::HashMap;

struct DatabaseState {
    database_id: i64,
    is_present: bool,
    bytes: Option<i64>,
}

/// A database in a sample.
struct DatabaseValue {
    database_id: i64,
    is_present: bool,
    bytes: Option<i64>,
}

/// Writes changed databases, and returns the ids of all.
pub(super) async fn write_databases(
    tx: &mut Transaction,
    writing: &NewSample,
    snapshot: &Snapshot,
) -> Result<HashMap<String, i64>, HistoryError> {
    let mut states = HashMap::new();
    let sql = "select name, database_id, is_present, bytes from database where cluster_id = $1";
    for row in tx.rows(sql, binds![writing.cluster_id]).await? {
        let state = DatabaseState { database_id: row.int(1)?, is_present: row.flag(2)?, bytes: row.int_or_none(3)? };
        states.insert(row.text(0)?, state);
    }
    let listed = snapshot.databases.known();
    let mut seen: Vec<(&str, Option<i64>)> =
        listed.into_iter().flatten().map(|d| (d.database.as_str(), d.bytes.map(size))).collect();
    for database_snapshot in &snapshot.database_snapshots {
        let bytes = database_snapshot.database_bytes.known().copied().map(size);
        match seen.iter_mut().find(|(name, _)| *name == database_snapshot.database) {
            Some((_, known)) => *known = known.or(bytes),
            None => seen.push((&database_snapshot.database, bytes)),
        }
    }
    let (mut ids, mut new, mut values) = (HashMap::new(), Vec::new(), Vec::new());
    for (name, bytes) in seen {
        let Some(state) = states.remove(name) else {
            new.push((name, bytes));
            continue;
        };
        // A size that could not be read is not a change.
        let bytes = bytes.or(state.bytes);
        if !state.is_present || bytes != state.bytes {
            values.push(DatabaseValue { database_id: state.database_id, is_present: true, bytes });
        }
        ids.insert(name.to_owned(), state.database_id);
    }
    if listed.is_some() {
        let gone = states.values().filter(|state| state.is_present);
        values.extend(gone.map(|state| DatabaseValue {
            database_id: state.database_id,
            is_present: false,
            bytes: None,
        }));
    }
    for value in insert_databases(tx, writing, &new).await? {
        ids.insert(value.0, value.1.database_id);
        values.push(value.1);
    }
    write_database_values(tx, writing, &values).await?;
    Ok(ids)
}

/// Returns the id of a database whose relations were read. Its size in the sample does not change.
pub(super) async fn ensure_database(
    tx: &mut Transaction,
    writing: &NewSample,
    database_snapshot: &DatabaseSnapshot,
) -> Result<i64, HistoryError> {
    let bytes = database_snapshot.database_bytes.known().copied().map(size);
    let sql = "select database_id, is_present, bytes from database where cluster_id = $1 and name = $2";
    let rows = tx.rows(sql, binds![writing.cluster_id, &*database_snapshot.database]).await?;
    let Some(row) = rows.first() else {
        let new = insert_databases(tx, writing, &[(&database_snapshot.database, bytes)]).await?;
        let (_, value) = new.into_iter().next().ok_or(HistoryError::Inconsistent("a statement returned no row"))?;
        let database_id = value.database_id;
        write_database_values(tx, writing, &[value]).await?;
        return Ok(database_id);
    };
    let (database_id, is_present, known) = (row.int(0)?, row.flag(1)?, row.int_or_none(2)?);
    if !is_present || known.is_none() {
        write_database_values(tx, writing, &[DatabaseValue { database_id, is_present: true, bytes }]).await?;
    }
    Ok(database_id)
}

/// Inserts new databases, and returns their names and first values.
async fn insert_databases(
    tx: &mut Transaction,
    writing: &NewSample,
    new: &[(&str, Option<i64>)],
) -> Result<Vec<(String, DatabaseValue)>, HistoryError> {
    let rows = new.iter().map(|(name, bytes)| binds![writing.cluster_id, *name, writing.collected_at, true, *bytes]);
    let into = "database (cluster_id, name, first_seen, is_present, bytes)";
    let returned = tx.insert(into, rows, "returning name, database_id, bytes").await?;
    let value = |row: &Row| {
        Ok((row.text(0)?, DatabaseValue { database_id: row.int(1)?, is_present: true, bytes: row.int_or_none(2)? }))
    };
    returned.iter().map(value).collect()
}

async fn write_database_values(
    tx: &mut Transaction,
    writing: &NewSample,
    values: &[DatabaseValue],
) -> Result<(), HistoryError> {
    let rows = values.iter().map(|value| binds![value.database_id, writing.sample_id, value.is_present, value.bytes]);
    let into = "database_value (database_id, sample_id, is_present, bytes)";
    let after = "on conflict (database_id, sample_id) do update \
                 set is_present = excluded.is_present, bytes = excluded.bytes";
    tx.insert(into, rows, after).await?;
    if !values.is_empty() {
        let sql = "update database set is_present = v.is_present, bytes = v.bytes from database_value v \
                   where v.sample_id = $1 and v.database_id = database.database_id and database.cluster_id = $2";
        tx.execute(sql, binds![writing.sample_id, writing.cluster_id]).await?;
    }
    Ok(())
}
