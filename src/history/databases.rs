//! Writing the databases of a sample.

use super::{
    HistoryError,
    dialect::{Transaction, binds},
    record::Writing,
    time::size,
};
use crate::model::{Contents, Snapshot};
use std::collections::HashMap;

struct State {
    database_id: i64,
    is_present: bool,
    bytes: Option<i64>,
}

/// Writes what changed; answers with the id of every database.
pub(super) async fn write(
    tx: &mut Transaction,
    writing: &Writing,
    snapshot: &Snapshot,
) -> Result<HashMap<String, i64>, HistoryError> {
    let mut states = HashMap::new();
    let sql = "select name, database_id, is_present, bytes from database where cluster_id = $1";
    for row in tx.rows(sql, binds![writing.cluster_id]).await? {
        let state = State { database_id: row.int(1)?, is_present: row.flag(2)?, bytes: row.int_or_none(3)? };
        states.insert(row.text(0)?, state);
    }
    let listed = snapshot.databases.known();
    let mut seen: Vec<(&str, Option<i64>)> =
        listed.into_iter().flatten().map(|d| (d.database.as_str(), d.bytes.map(size))).collect();
    for contents in &snapshot.contents {
        let bytes = contents.database_bytes.known().copied().map(size);
        match seen.iter_mut().find(|(name, _)| *name == contents.database) {
            Some((_, known)) => *known = known.or(bytes),
            None => seen.push((&contents.database, bytes)),
        }
    }
    let mut ids = HashMap::new();
    for (name, bytes) in seen {
        let database_id = match states.remove(name) {
            Some(state) => {
                // A size that could not be read this time is no change.
                let bytes = bytes.or(state.bytes);
                if !state.is_present || bytes != state.bytes {
                    put(tx, writing, state.database_id, true, bytes).await?;
                }
                state.database_id
            }
            None => insert(tx, writing, name, bytes).await?,
        };
        ids.insert(name.to_owned(), database_id);
    }
    if listed.is_some() {
        for state in states.values().filter(|state| state.is_present) {
            put(tx, writing, state.database_id, false, None).await?;
        }
    }
    Ok(ids)
}

/// The id of a database that was read from inside. What its sample knows of its size stays.
pub(super) async fn present(tx: &mut Transaction, writing: &Writing, contents: &Contents) -> Result<i64, HistoryError> {
    let bytes = contents.database_bytes.known().copied().map(size);
    let sql = "select database_id, is_present, bytes from database where cluster_id = $1 and name = $2";
    let rows = tx.rows(sql, binds![writing.cluster_id, &*contents.database]).await?;
    let Some(row) = rows.first() else { return insert(tx, writing, &contents.database, bytes).await };
    let (database_id, is_present, known) = (row.int(0)?, row.flag(1)?, row.int_or_none(2)?);
    if !is_present || known.is_none() {
        put(tx, writing, database_id, true, bytes).await?;
    }
    Ok(database_id)
}

async fn insert(tx: &mut Transaction, writing: &Writing, name: &str, bytes: Option<i64>) -> Result<i64, HistoryError> {
    let sql = "insert into database (cluster_id, name, first_seen, is_present, bytes) \
               values ($1, $2, $3, $4, $5) returning database_id";
    let database_id = tx.one_int(sql, binds![writing.cluster_id, name, writing.collected_at, true, bytes]).await?;
    put(tx, writing, database_id, true, bytes).await?;
    Ok(database_id)
}

async fn put(
    tx: &mut Transaction,
    writing: &Writing,
    database_id: i64,
    is_present: bool,
    bytes: Option<i64>,
) -> Result<(), HistoryError> {
    let sql = "insert into database_value (database_id, sample_id, is_present, bytes) values ($1, $2, $3, $4) \
               on conflict (database_id, sample_id) do update set is_present = excluded.is_present, bytes = excluded.bytes";
    tx.execute(sql, binds![database_id, writing.sample_id, is_present, bytes]).await?;
    let sql = "update database set is_present = $2, bytes = $3 where database_id = $1";
    tx.execute(sql, binds![database_id, is_present, bytes]).await?;
    Ok(())
}
