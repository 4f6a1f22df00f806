//! What must outlive every clean-up: each need names the indexes that can meet it, and one of them must stay.

use super::{Cover, subject::IndexSubject};
use crate::facts::{DatabaseSnapshot, DependentKind, ForeignKey, Index, OidMap, OidSet, TableKind};
use std::collections::{HashMap, HashSet};

/// Something that at least one index must go on doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    pub kind: NeedKind,
    /// The index the need was found at; of a foreign key its best support.
    pub index_oid: u32,
    /// OIDs of the indexes each of which would do.
    pub supporters: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NeedKind {
    /// It is scanned.
    Scans(u64),
    /// It refuses duplicates; ON CONFLICT may infer it.
    Uniqueness,
    /// Deletes and updates of the table referred to look up the rows that refer.
    ForeignKey(String),
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Refresh,
}

/// The needs of a database's tables, the scans aside.
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

/// A concurrent refresh wants a unique index over all rows, of plain columns (PostgreSQL manual, REFRESH MATERIALIZED
/// VIEW; `is_usable_unique_index` in `src/backend/commands/matview.c`).
pub fn supports_concurrent_refresh(subject: &IndexSubject<'_>) -> bool {
    let index = subject.index;
    subject.table.kind == TableKind::MaterializedView
        && index.is_unique
        && index.is_immediate
        && subject.is_sound()
        && !index.is_partial
        && !index.is_expression
}

/// Its leading key columns are the referring columns, in whatever order.
pub fn supports_foreign_key(index: &Index, key: &ForeignKey) -> bool {
    let wanted = &key.column_numbers;
    let keys = index.column_numbers.get(..wanted.len()).unwrap_or_default();
    matches!(&*index.method, "btree" | "hash")
        && !keys.is_empty()
        && wanted.len() <= index.key_columns_count as usize
        && wanted.iter().all(|number| keys.contains(number))
}

/// By candidate: the indexes that can replace it.
pub(super) fn covering_by_candidate(covers: &[Cover]) -> HashMap<usize, Vec<usize>> {
    let mut covering: HashMap<usize, Vec<usize>> = HashMap::new();
    for cover in covers {
        covering.entry(cover.candidate).or_default().push(cover.covering);
    }
    covering
}

/// What the catalog says needs an index, at hand by table and by index.
pub struct Dependencies<'a> {
    /// By the table that refers.
    foreign_keys: OidMap<Vec<&'a ForeignKey>>,
    /// By the index that is referred to.
    targets: OidMap<&'a ForeignKey>,
    dependents: HashSet<(u32, DependentKind)>,
}

impl<'a> Dependencies<'a> {
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

    pub fn foreign_keys_of(&self, table: u32) -> &[&'a ForeignKey] {
        self.foreign_keys.get(&table).map_or(&[], Vec::as_slice)
    }

    /// The foreign key that refers through the index.
    pub fn foreign_key_target(&self, index: u32) -> Option<&'a ForeignKey> {
        self.targets.get(&index).copied()
    }

    pub fn has_dependent(&self, index: u32, kind: DependentKind) -> bool {
        self.dependents.contains(&(index, kind))
    }
}
