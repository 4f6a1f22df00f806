//! Writing the tables and indexes of one database: only those that changed.

use super::{
    HistoryError,
    counter::{Counter, ResetTimes, all_counters_reset},
    dialect::{Bind, Transaction, binds},
    identity::NewSample,
    relation::{RelationKey, RelationState, SeenRelation, SeenRelations},
    time::micros,
};
use crate::facts::DatabaseSnapshot;
use crate::facts::history::SubjectKind;
use std::collections::HashMap;

pub(super) struct WrittenCounts {
    pub(super) seen: u64,
    pub(super) changed: u64,
}

/// Writes new, changed and removed relations.
pub(super) async fn write_relations(
    tx: &mut Transaction,
    writing: &NewSample,
    database_id: i64,
    database_snapshot: &DatabaseSnapshot,
    timeline_id: Option<i64>,
) -> Result<WrittenCounts, HistoryError> {
    let mut seen = SeenRelations::from_database(database_snapshot);
    let now = reset_times(writing, database_snapshot, timeline_id);
    let before = last_reset_times(tx, database_id).await?;
    insert_database_sample(tx, writing, database_id, &seen, &now).await?;
    let mut states = load_relation_states(tx, database_id).await?;
    let reset = before.is_some_and(|before| {
        let (decreased, not_decreased) = count_decreased_counters(&states, &seen);
        all_counters_reset(&before, &now, decreased, not_decreased)
    });

    let mut values = Vec::new();
    let mut unknown_names = Vec::new();
    let seen_count = seen.relations.len() as u64;
    for relation in std::mem::take(&mut seen.relations) {
        let Some(state) = states.remove(&relation.key) else {
            unknown_names.push(relation);
            continue;
        };
        let counter = state.counter.advance(relation.scans, reset);
        if !state.is_same_relation(&relation, counter) {
            let sql = "update relation set certain_since = $2 where relation_id = $1";
            tx.execute(sql, binds![state.relation_id, writing.collected_at]).await?;
        }
        if state.table != relation.table {
            let sql = "update relation set table_name = $2 where relation_id = $1";
            tx.execute(sql, binds![state.relation_id, &*relation.table]).await?;
        }
        if state.differs(&relation, counter) {
            values.push(relation_value(state.relation_id, writing.sample_id, true, &relation, counter));
        }
    }
    let mut gone: HashMap<(SubjectKind, u32), RelationState> = states
        .into_values()
        .filter(|state| state.is_present && seen.knows(state.kind))
        .map(|state| ((state.kind, state.oid), state))
        .collect();
    let mut new = Vec::new();
    for relation in unknown_names {
        // Its name does not exist any more, and its OID has another name: renamed.
        match gone.remove(&(relation.key.kind, relation.oid)) {
            Some(state) => {
                rename_relation(tx, &state, &relation).await?;
                let counter = state.counter.advance(relation.scans, reset);
                values.push(relation_value(state.relation_id, writing.sample_id, true, &relation, counter));
            }
            None => new.push(relation),
        }
    }
    values.extend(gone.into_values().map(|state| state.gone_value(writing.sample_id)));
    let changed = values.len() + new.len();
    if !values.is_empty() {
        write_relation_values(tx, writing, database_id, values).await?;
    }
    insert_relations(tx, writing, database_id, new).await?;
    Ok(WrittenCounts { seen: seen_count, changed: changed as u64 })
}

fn reset_times(writing: &NewSample, database_snapshot: &DatabaseSnapshot, timeline_id: Option<i64>) -> ResetTimes {
    let resets = database_snapshot.statistics_resets.known();
    ResetTimes {
        collected_at: writing.collected_at,
        timeline_id,
        database_reset: resets.and_then(|resets| resets.database_reset).map(micros),
        shared_reset: resets.and_then(|resets| resets.shared_reset).map(micros),
    }
}

async fn last_reset_times(tx: &mut Transaction, database_id: i64) -> Result<Option<ResetTimes>, HistoryError> {
    let sql = "select s.collected_at, s.timeline_id, c.database_reset, c.shared_reset \
                 from database_sample c join sample s on s.sample_id = c.sample_id \
                where c.database_id = $1 order by c.sample_id desc limit 1";
    let rows = tx.rows(sql, binds![database_id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(ResetTimes {
        collected_at: row.int(0)?,
        timeline_id: row.int_or_none(1)?,
        database_reset: row.int_or_none(2)?,
        shared_reset: row.int_or_none(3)?,
    }))
}

async fn insert_database_sample(
    tx: &mut Transaction,
    writing: &NewSample,
    database_id: i64,
    seen: &SeenRelations,
    now: &ResetTimes,
) -> Result<(), HistoryError> {
    let sql = "insert into database_sample (database_id, sample_id, tables_known, indexes_known, database_reset, \
                 shared_reset) values ($1, $2, $3, $4, $5, $6)";
    let (tables, indexes) = (seen.knows(SubjectKind::Table), seen.knows(SubjectKind::Index));
    let binds = binds![database_id, writing.sample_id, tables, indexes, now.database_reset, now.shared_reset];
    tx.execute(sql, binds).await?;
    Ok(())
}

async fn load_relation_states(
    tx: &mut Transaction,
    database_id: i64,
) -> Result<HashMap<RelationKey, RelationState>, HistoryError> {
    let sql = "select relation_id, kind, schema_name, name, table_name, oid, is_present, is_valid, bytes, scans, \
                      scans_total, resets from relation where database_id = $1";
    let mut states = HashMap::new();
    tx.for_each_row(sql, binds![database_id], |row| {
        let (key, state) = RelationState::read(row)?;
        states.insert(key, state);
        Ok(())
    })
    .await?;
    Ok(states)
}

fn count_decreased_counters(states: &HashMap<RelationKey, RelationState>, seen: &SeenRelations) -> (usize, usize) {
    let mut counts = (0, 0);
    for relation in &seen.relations {
        match states.get(&relation.key) {
            Some(state) if state.counter.value > 0 && relation.scans < state.counter.value => counts.0 += 1,
            Some(state) if state.counter.value > 0 => counts.1 += 1,
            _ => {}
        }
    }
    counts
}

async fn rename_relation(
    tx: &mut Transaction,
    state: &RelationState,
    relation: &SeenRelation,
) -> Result<(), HistoryError> {
    let sql = "update relation set schema_name = $2, name = $3, table_name = $4 where relation_id = $1";
    let binds = binds![state.relation_id, &*relation.key.schema, &*relation.key.name, &*relation.table];
    tx.execute(sql, binds).await?;
    Ok(())
}

fn relation_value(
    relation_id: i64,
    sample_id: i64,
    is_present: bool,
    relation: &SeenRelation,
    counter: Counter,
) -> Vec<Bind> {
    binds![
        relation_id,
        sample_id,
        i64::from(relation.oid),
        is_present,
        relation.is_valid,
        relation.bytes,
        counter.value,
        counter.total,
        counter.resets
    ]
}

async fn write_relation_values(
    tx: &mut Transaction,
    writing: &NewSample,
    database_id: i64,
    values: Vec<Vec<Bind>>,
) -> Result<(), HistoryError> {
    let into = "relation_value (relation_id, sample_id, oid, is_present, is_valid, bytes, scans, scans_total, resets)";
    tx.insert(into, values.into_iter(), "").await?;
    let sql = "update relation set oid = v.oid, is_present = v.is_present, is_valid = v.is_valid, bytes = v.bytes, \
                 scans = v.scans, scans_total = v.scans_total, resets = v.resets \
               from relation_value v \
               where v.sample_id = $1 and v.relation_id = relation.relation_id and relation.database_id = $2";
    tx.execute(sql, binds![writing.sample_id, database_id]).await?;
    Ok(())
}

async fn insert_relations(
    tx: &mut Transaction,
    writing: &NewSample,
    database_id: i64,
    new: Vec<SeenRelation>,
) -> Result<(), HistoryError> {
    let rows = new.iter().map(|relation| {
        let counter = Counter::new(relation.scans);
        binds![
            database_id,
            relation.key.kind.name(),
            &*relation.key.schema,
            &*relation.key.name,
            writing.collected_at,
            writing.collected_at,
            &*relation.table,
            i64::from(relation.oid),
            true,
            relation.is_valid,
            relation.bytes,
            counter.value,
            counter.total,
            0_i64
        ]
    });
    let into = "relation (database_id, kind, schema_name, name, first_seen, certain_since, table_name, oid, \
                is_present, is_valid, bytes, scans, scans_total, resets)";
    tx.insert(into, rows, "").await?;
    // Relations without a value are new.
    let sql = "insert into relation_value (relation_id, sample_id, oid, is_present, is_valid, bytes, scans, \
                 scans_total, resets) \
               select r.relation_id, $2, r.oid, r.is_present, r.is_valid, r.bytes, r.scans, r.scans_total, r.resets \
                 from relation r where r.database_id = $1 and r.first_seen = $3 \
                  and not exists (select 1 from relation_value v where v.relation_id = r.relation_id)";
    if !new.is_empty() {
        tx.execute(sql, binds![database_id, writing.sample_id, writing.collected_at]).await?;
    }
    Ok(())
}
