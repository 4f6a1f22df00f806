//! What can be reclaimed inside of databases, each byte in one term only: an index that goes has no bloat to rebuild.

use super::{Amount, Confidence, Group, Kind, Term};
use crate::{
    judge::index,
    model::{
        Contents, IndexLimits, Snapshot, Unavailable, Verdict,
        arrival::{Arriving, Basis, DatabaseForecast, Part},
        past::Memory,
        qualified, regclass_name,
    },
};
use std::collections::HashSet;

/// Rebuilding is worth it from so much on: bytes, and a share of the relation (uuid keys are a third empty in normal use;
/// fact sheet on indexes, D).
const WORTH: u64 = 1 << 20;
const WORTH_INDEX: f64 = 0.35;
const WORTH_TABLE: f64 = 0.2;
/// Less than that beyond a database's relations is no sign of orphaned files.
const ORPHANS: u64 = 4 << 20;
/// Names that are told.
const NAMED: usize = 5;

/// One database: what can be reclaimed, and how large it arrives.
#[derive(Debug)]
pub struct Inside<'a> {
    pub database: String,
    pub forecast: DatabaseForecast<'a>,
    pub terms: Vec<Term>,
    /// A logical copy without the indexes that go.
    pub logical: Amount,
    /// A physical copy after the clean-up is smaller by that.
    pub cleaned: Amount,
    /// The largest index that stays.
    pub largest_index: Option<(String, u64)>,
}

pub fn inside<'a>(
    snapshot: &Snapshot,
    contents: &'a Contents,
    memory: &Memory,
    limits: &IndexLimits,
) -> Result<Inside<'a>, Unavailable> {
    let forecast = DatabaseForecast::of(contents)?;
    let judgement = index::judge(snapshot, contents, memory.indexes_of(&contents.database), limits).into_judgement();
    let dropped: HashSet<u32> =
        judgement.verdicts.iter().filter(|it| it.verdict == Verdict::Drop).map(|it| it.oid).collect();
    let goes = |it: &&Arriving<'_>| it.index.is_some_and(|index| dropped.contains(&index.oid));
    let proven = judgement
        .verdicts
        .iter()
        .filter(|it| it.verdict == Verdict::Drop)
        .all(|it| it.confidence == crate::model::Confidence::Proven);
    let database = contents.database.clone();
    let own = || forecast.relations.iter().filter(|it| !it.table.is_catalog());
    let going: Vec<&Arriving<'_>> = own().filter(goes).collect();
    let mut terms = Vec::new();
    if !going.is_empty() {
        let bytes = going.iter().map(|it| it.now_bytes).sum();
        let kind = Kind::DroppedIndexes { database: database.clone(), indexes: names(&going), count: going.len() };
        let confidence = if proven { Confidence::Proven } else { Confidence::Likely };
        terms.push(Term::known(Group::Reclaimable, kind, Amount::exactly(bytes), confidence));
    }
    let stays = |it: &&Arriving<'_>| !goes(it) && it.after.basis != Basis::Unknown;
    let bloated_indexes: Vec<&Arriving<'_>> =
        own().filter(stays).filter(|it| it.part == Part::Index && is_worth(it, WORTH_INDEX)).collect();
    let bloated_tables: Vec<&Arriving<'_>> =
        own().filter(stays).filter(|it| it.part != Part::Index && is_worth(it, WORTH_TABLE)).collect();
    for (relations, is_index) in [(bloated_indexes, true), (bloated_tables, false)] {
        if relations.is_empty() {
            continue;
        }
        let amount = relations.iter().map(|it| bloat(it)).fold(Amount::default(), Amount::plus);
        let (database, count, named) = (database.clone(), relations.len(), names(&relations));
        let measured = relations.iter().all(|it| it.after.basis == Basis::Measured);
        let kind = match is_index {
            true => Kind::IndexBloat { database, indexes: named, count },
            false => Kind::TableBloat { database, tables: named, count },
        };
        let confidence = if measured { Confidence::Measured } else { Confidence::Likely };
        terms.push(Term::known(Group::Reclaimable, kind, amount, confidence));
    }
    let cleaned = super::known_sum(terms.iter());
    if let Some(bytes) = forecast.orphaned_bytes.filter(|bytes| *bytes >= ORPHANS) {
        let kind = Kind::OrphanedFiles { database: database.clone() };
        let amount = Amount { low_bytes: 0, ..Amount::exactly(bytes) };
        // No command of the server removes them; a logical copy leaves them behind.
        terms.push(Term::known(Group::Reclaimable, kind, amount, Confidence::Rough).not_counted());
    }
    let without = going.iter().map(|it| Amount::from(it.after)).fold(Amount::default(), Amount::plus);
    let total = Amount::from(forecast.total);
    let logical = Amount::between(
        total.low_bytes.saturating_sub(without.low_bytes),
        total.bytes.saturating_sub(without.bytes),
        total.high_bytes.saturating_sub(without.high_bytes),
    );
    let largest = own().filter(|it| !goes(it) && it.part == Part::Index).max_by_key(|it| it.after.bytes);
    let largest_index = largest.map(|it| (name(it), it.after.bytes));
    Ok(Inside { database, terms, logical, cleaned, largest_index, forecast })
}

fn bloat(it: &Arriving<'_>) -> Amount {
    Amount::exactly(it.now_bytes).minus(it.after.into())
}

fn is_worth(it: &Arriving<'_>, share: f64) -> bool {
    let bytes = bloat(it).bytes;
    bytes >= WORTH && bytes as f64 >= it.now_bytes as f64 * share
}

fn name(it: &Arriving<'_>) -> String {
    match it.index {
        Some(index) => qualified(&it.table.schema, &index.index),
        // pg_repack casts it to regclass.
        None => regclass_name(&it.table.schema, &it.table.table),
    }
}

/// The largest, by name.
fn names(relations: &[&Arriving<'_>]) -> Vec<String> {
    let mut largest: Vec<&&Arriving<'_>> = relations.iter().collect();
    largest.sort_by_key(|it| std::cmp::Reverse(bloat(it).bytes.max(it.now_bytes)));
    let mut names: Vec<String> = Vec::new();
    for it in largest {
        let name = name(it);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(NAMED);
    names
}
