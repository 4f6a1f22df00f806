//! Needs that every clean-up must preserve. Each need names the indexes that can meet it; one of them must stay.

use super::{Cover, subject::IndexSubject};
use crate::facts::{DatabaseSnapshot, DependentKind, ForeignKey, Index, OidMap, OidSet, TableKind};
use std::collections::{HashMap, HashSet};

/// A purpose that at least one index must continue to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// Type of the need.
    pub kind: NeedKind,
    /// OID of the index with the need; for a foreign key, its best supporting index.
    pub index_oid: u32,
    /// OIDs of the indexes that each meet the need.
    pub supporters: Vec<u32>,
}

/// Type of a need.
#[derive(Clone, Debug, PartialEq)]
pub enum NeedKind {
    /// Scans: their number in the observation window.
    Scans(u64),
    /// Uniqueness. ON CONFLICT may infer the index.
    Uniqueness,
    /// Lookups of referencing rows when the referenced table changes: the name of the foreign key.
    ForeignKey(String),
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Refresh,
}

/// Returns the needs of a database's tables, except scans.
pub fn collect_needs(subjects: &[IndexSubject<'_>], covers: &[Cover], db: &DatabaseSnapshot) -> Vec<Need> {
    let mut needs = Vec::new();
    let covering_by_candidate = covering_by_candidate(covers);
    let foreign_keys = db.index_facts.foreign_keys.known().into_iter().flatten().filter(|key| key.is_enforced);
    let referring: OidSet = foreign_keys.clone().map(|key| key.table_oid).collect();
    let mut of_table: OidMap<Vec<&IndexSubject<'_>>> = OidMap::default();
    for subject in subjects.iter().filter(|subject| referring.contains(&subject.index.table_oid)) {
        of_table.entry(subject.index.table_oid).or_default().push(subject);
    }
    for (position, subject) in subjects.iter().enumerate() {
        let index = subject.index;
        if index.is_unique && index.is_valid && index.is_ready {
            let mut supporters = vec![index.oid];
            supporters.extend(
                covering_by_candidate
                    .get(&position)
                    .into_iter()
                    .flatten()
                    .map(|covering| subjects[*covering].index.oid),
            );
            needs.push(Need { kind: NeedKind::Uniqueness, index_oid: index.oid, supporters });
        }
    }
    let mut of_view: OidMap<Vec<u32>> = OidMap::default();
    for subject in subjects.iter().filter(|subject| supports_concurrent_refresh(subject)) {
        of_view.entry(subject.table.oid).or_default().push(subject.index.oid);
    }
    needs.extend(of_view.into_values().map(|supporters| Need {
        kind: NeedKind::Refresh,
        index_oid: supporters[0],
        supporters,
    }));
    for key in foreign_keys {
        let behind: Vec<u32> = of_table
            .get(&key.table_oid)
            .into_iter()
            .flatten()
            .filter(|subject| supports_foreign_key(subject.index, key))
            .filter(|subject| subject.is_sound() && !subject.index.is_partial)
            .map(|subject| subject.index.oid)
            .collect();
        if let Some(first) = behind.first() {
            let kind = NeedKind::ForeignKey(key.constraint_name.clone());
            needs.push(Need { kind, index_oid: *first, supporters: behind });
        }
    }
    needs.sort_by(|a, b| (a.index_oid, &a.supporters).cmp(&(b.index_oid, &b.supporters)));
    needs
}

/// Returns whether the index allows a concurrent refresh: it is unique, over all rows, on plain columns (PostgreSQL
/// manual, REFRESH MATERIALIZED VIEW; `is_usable_unique_index` in `src/backend/commands/matview.c`).
pub fn supports_concurrent_refresh(subject: &IndexSubject<'_>) -> bool {
    let index = subject.index;
    subject.table.kind == TableKind::MaterializedView
        && index.is_unique
        && index.is_immediate
        && subject.is_sound()
        && !index.is_partial
        && !index.is_expression
}

/// Returns whether the leading key columns of the index are the referencing columns, in any order.
pub fn supports_foreign_key(index: &Index, key: &ForeignKey) -> bool {
    let wanted = &key.column_numbers;
    let keys = index.column_numbers.get(..wanted.len()).unwrap_or_default();
    matches!(&*index.method, "btree" | "hash")
        && !keys.is_empty()
        && wanted.len() <= index.key_columns_count as usize
        && wanted.iter().all(|number| keys.contains(number))
}

/// Returns for each candidate the indexes that can replace it.
pub(super) fn covering_by_candidate(covers: &[Cover]) -> HashMap<usize, Vec<usize>> {
    let mut covering: HashMap<usize, Vec<usize>> = HashMap::new();
    for cover in covers {
        covering.entry(cover.candidate).or_default().push(cover.covering);
    }
    covering
}

/// Catalog objects that need an index, by table and by index.
pub struct Dependencies<'a> {
    /// By OID of the referencing table.
    foreign_keys: OidMap<Vec<&'a ForeignKey>>,
    /// By OID of the index on the referenced columns.
    targets: OidMap<&'a ForeignKey>,
    dependents: HashSet<(u32, DependentKind)>,
}

impl<'a> Dependencies<'a> {
    /// Groups foreign keys and dependents of a database. Facts that are unavailable count as empty; `find_hazards`
    /// limits verdicts then.
    pub fn new(db: &'a DatabaseSnapshot) -> Dependencies<'a> {
        let mut dependencies =
            Dependencies { foreign_keys: OidMap::default(), targets: OidMap::default(), dependents: HashSet::new() };
        for key in db.index_facts.foreign_keys.known().into_iter().flatten() {
            dependencies.foreign_keys.entry(key.table_oid).or_default().push(key);
            dependencies.targets.entry(key.target_index_oid).or_insert(key);
        }
        let dependents = db.index_facts.dependents.known().into_iter().flatten();
        dependencies.dependents = dependents.map(|dependent| (dependent.oid, dependent.dependent)).collect();
        dependencies
    }

    /// Returns the foreign keys that reference other tables from the table with this OID.
    pub fn foreign_keys_of(&self, table: u32) -> &[&'a ForeignKey] {
        self.foreign_keys.get(&table).map_or(&[], Vec::as_slice)
    }

    /// Returns the foreign key that depends on the uniqueness of the index with this OID.
    pub fn foreign_key_target(&self, index: u32) -> Option<&'a ForeignKey> {
        self.targets.get(&index).copied()
    }

    /// Returns whether an object of this kind depends on the index with this OID.
    pub fn has_dependent(&self, index: u32, kind: DependentKind) -> bool {
        self.dependents.contains(&(index, kind))
    }
}
