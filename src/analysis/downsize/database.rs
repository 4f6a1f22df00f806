//! Reclaimable space inside databases. Each byte is in one component only: an index that is dropped has no bloat.

use super::{Amount, Component, ComponentGroup, ComponentKind, Confidence};
use crate::analysis::copy_size::{Basis, CopiedRelation, DatabaseForecast, RelationPart};
use crate::analysis::index::{IndexAssessment, Verdict};
use crate::facts::{DatabaseSnapshot, Unavailable};
use crate::quote::{qualified, regclass_name};
use std::collections::HashSet;

/// Least bloat, in bytes and as a share of the relation, for which a rebuild is recommended. Indexes of uuid keys are a
/// third empty in normal use (docs/reference/sizes-and-bloat.md#b-tree-bloat).
const MIN_BLOAT_BYTES: u64 = 1 << 20;
const MIN_INDEX_BLOAT_SHARE: f64 = 0.35;
const MIN_TABLE_BLOAT_SHARE: f64 = 0.2;
/// Smaller excesses over a database's relations are not reported as orphaned files.
const MIN_ORPHANED_BYTES: u64 = 4 << 20;
/// Maximum number of names in a component.
const MAX_NAMES: usize = 5;

/// Reclaimable space of one database, and its size after a copy.
#[derive(Debug)]
pub struct DatabaseAssessment<'a> {
    /// Name of the database.
    pub database: String,
    /// Size of each relation after a copy.
    pub forecast: DatabaseForecast<'a>,
    /// Reclaimable components of the database.
    pub components: Vec<Component>,
    /// Size of a logical copy without the indexes that are dropped.
    pub logical_copy: Amount,
    /// Reduction of a physical copy by the clean-up before it.
    pub physical_reduction: Amount,
    /// Name and size after a rebuild (bytes) of the largest index that stays; `None` without one.
    pub largest_index: Option<(String, u64)>,
}

/// Computes what can be reclaimed in one database from the verdicts on its indexes. `version_num` is the
/// `server_version_num`.
///
/// # Errors
///
/// Returns the reason when a fact that the forecast needs could not be read.
pub fn assess_database<'a>(
    db: &'a DatabaseSnapshot,
    assessment: &IndexAssessment,
    version_num: u32,
) -> Result<DatabaseAssessment<'a>, Unavailable> {
    let forecast = DatabaseForecast::from_snapshot(db, version_num)?;
    let dropped: HashSet<u32> = assessment
        .verdicts
        .iter()
        .filter(|index_verdict| index_verdict.verdict == Verdict::Drop)
        .map(|index_verdict| index_verdict.oid)
        .collect();
    let is_dropped = |relation: &&CopiedRelation<'_>| relation.index.is_some_and(|index| dropped.contains(&index.oid));
    let proven = assessment
        .verdicts
        .iter()
        .filter(|index_verdict| index_verdict.verdict == Verdict::Drop)
        .all(|index_verdict| index_verdict.confidence == crate::analysis::index::Confidence::Proven);
    let database = db.database.clone();
    let user_relations = || forecast.relations.iter().filter(|relation| !relation.table.is_catalog());
    let dropped_indexes: Vec<&CopiedRelation<'_>> = user_relations().filter(is_dropped).collect();
    let mut components = Vec::new();
    if !dropped_indexes.is_empty() {
        let bytes = dropped_indexes.iter().map(|relation| relation.now_bytes).sum();
        let kind = ComponentKind::DroppedIndexes {
            database: database.clone(),
            indexes: largest_names(&dropped_indexes),
            count: dropped_indexes.len(),
        };
        let confidence = if proven { Confidence::Proven } else { Confidence::Likely };
        components.push(Component::known(ComponentGroup::Reclaimable, kind, Amount::exact(bytes), confidence));
    }
    let is_rewritable =
        |relation: &&CopiedRelation<'_>| !is_dropped(relation) && relation.after.basis != Basis::Unknown;
    let bloated_indexes: Vec<&CopiedRelation<'_>> = user_relations()
        .filter(is_rewritable)
        .filter(|relation| relation.part == RelationPart::Index && is_worth_rewriting(relation, MIN_INDEX_BLOAT_SHARE))
        .collect();
    let bloated_tables: Vec<&CopiedRelation<'_>> = user_relations()
        .filter(is_rewritable)
        .filter(|relation| relation.part != RelationPart::Index && is_worth_rewriting(relation, MIN_TABLE_BLOAT_SHARE))
        .collect();
    for (relations, is_index) in [(bloated_indexes, true), (bloated_tables, false)] {
        if relations.is_empty() {
            continue;
        }
        let amount = relations.iter().map(|relation| relation_bloat(relation)).fold(Amount::default(), Amount::plus);
        let (database, count, named) = (database.clone(), relations.len(), largest_names(&relations));
        let measured = relations.iter().all(|relation| relation.after.basis == Basis::Measured);
        let kind = match is_index {
            true => ComponentKind::IndexBloat { database, indexes: named, count },
            false => ComponentKind::TableBloat { database, tables: named, count },
        };
        let confidence = if measured { Confidence::Measured } else { Confidence::Likely };
        components.push(Component::known(ComponentGroup::Reclaimable, kind, amount, confidence));
    }
    let physical_reduction = super::sum_known_components(components.iter());
    if let Some(bytes) = forecast.orphaned_bytes.filter(|bytes| *bytes >= MIN_ORPHANED_BYTES) {
        let kind = ComponentKind::OrphanedFiles { database: database.clone() };
        let amount = Amount { low_bytes: 0, ..Amount::exact(bytes) };
        // No command of the server removes them; a logical copy leaves them behind.
        components.push(Component::known(ComponentGroup::Reclaimable, kind, amount, Confidence::Rough).not_counted());
    }
    let dropped_after_copy =
        dropped_indexes.iter().map(|relation| Amount::from(relation.after)).fold(Amount::default(), Amount::plus);
    let total = Amount::from(forecast.total);
    let logical_copy = Amount::from_bounds(
        total.low_bytes.saturating_sub(dropped_after_copy.low_bytes),
        total.bytes.saturating_sub(dropped_after_copy.bytes),
        total.high_bytes.saturating_sub(dropped_after_copy.high_bytes),
    );
    let largest = user_relations()
        .filter(|relation| !is_dropped(relation) && relation.part == RelationPart::Index)
        .max_by_key(|relation| relation.after.bytes);
    let largest_index = largest.map(|relation| (relation_name(relation), relation.after.bytes));
    Ok(DatabaseAssessment { database, components, logical_copy, physical_reduction, largest_index, forecast })
}

fn relation_bloat(relation: &CopiedRelation<'_>) -> Amount {
    Amount::exact(relation.now_bytes).minus(relation.after.into())
}

fn is_worth_rewriting(relation: &CopiedRelation<'_>, share: f64) -> bool {
    let bytes = relation_bloat(relation).bytes;
    bytes >= MIN_BLOAT_BYTES && bytes as f64 >= relation.now_bytes as f64 * share
}

fn relation_name(relation: &CopiedRelation<'_>) -> String {
    match relation.index {
        Some(index) => qualified(&relation.table.schema, &index.index),
        // pg_repack casts it to regclass.
        None => regclass_name(&relation.table.schema, &relation.table.table),
    }
}

/// Returns the names of the largest relations, at most `MAX_NAMES`.
fn largest_names(relations: &[&CopiedRelation<'_>]) -> Vec<String> {
    let mut largest: Vec<&&CopiedRelation<'_>> = relations.iter().collect();
    largest.sort_by_key(|copied_relation| {
        std::cmp::Reverse(relation_bloat(copied_relation).bytes.max(copied_relation.now_bytes))
    });
    let mut names: Vec<String> = Vec::new();
    for relation in largest {
        let name = relation_name(relation);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(MAX_NAMES);
    names
}
