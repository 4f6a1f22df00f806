//! What must outlive every clean-up: each need names the indexes that can meet it, and one of them must stay.

use super::{Cover, subject::Subject};
use crate::model::{Contents, DependentKind, ForeignKey, Index, TableKind};
use std::collections::HashMap;

/// Something that at least one index must go on doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    pub kind: NeedKind,
    /// The index the need was found at; of a foreign key its best support.
    pub of: u32,
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
pub fn needs(subjects: &[Subject<'_>], covers: &[Cover], contents: &Contents) -> Vec<Need> {
    let mut needs = Vec::new();
    let keepers = |at: usize| covers.iter().filter(move |cover| cover.victim == at);
    for (at, subject) in subjects.iter().enumerate() {
        let index = subject.index;
        if index.is_unique && index.is_valid && index.is_ready {
            let mut supporters = vec![index.oid];
            supporters.extend(keepers(at).map(|cover| subjects[cover.keeper].index.oid));
            needs.push(Need { kind: NeedKind::Uniqueness, of: index.oid, supporters });
        }
    }
    let mut of_view: HashMap<u32, Vec<u32>> = HashMap::new();
    for subject in subjects.iter().filter(|subject| refreshes(subject)) {
        of_view.entry(subject.table.oid).or_default().push(subject.index.oid);
    }
    needs.extend(of_view.into_values().map(|supporters| Need {
        kind: NeedKind::Refresh,
        of: supporters[0],
        supporters,
    }));
    for key in contents.index_facts.foreign_keys.known().into_iter().flatten() {
        let behind: Vec<u32> = subjects
            .iter()
            .filter(|subject| subject.index.table_oid == key.table_oid && is_behind(subject.index, key))
            .filter(|subject| subject.is_sound() && !subject.index.is_partial)
            .map(|subject| subject.index.oid)
            .collect();
        if let Some(first) = behind.first() {
            let kind = NeedKind::ForeignKey(key.constraint_name.clone());
            needs.push(Need { kind, of: *first, supporters: behind });
        }
    }
    needs.sort_by(|a, b| (a.of, &a.supporters).cmp(&(b.of, &b.supporters)));
    needs
}

/// A concurrent refresh wants a unique index over all rows, of plain columns (PostgreSQL manual, REFRESH MATERIALIZED
/// VIEW; `is_usable_unique_index` in `src/backend/commands/matview.c`).
pub fn refreshes(subject: &Subject<'_>) -> bool {
    let index = subject.index;
    subject.table.kind == TableKind::MaterializedView
        && index.is_unique
        && index.is_immediate
        && subject.is_sound()
        && !index.is_partial
        && !index.is_expression
}

/// Its leading key columns are the referring columns, in whatever order.
pub fn is_behind(index: &Index, key: &ForeignKey) -> bool {
    let wanted = &key.column_numbers;
    let keys = index.column_numbers.get(..wanted.len()).unwrap_or_default();
    matches!(index.method.as_str(), "btree" | "hash")
        && !keys.is_empty()
        && wanted.len() <= index.key_columns_count as usize
        && wanted.iter().all(|number| keys.contains(number))
}

/// Whether something of that kind depends on the index.
pub fn depends(contents: &Contents, oid: u32, kind: DependentKind) -> bool {
    let all = contents.index_facts.dependents.known();
    all.is_some_and(|all| all.iter().any(|one| one.oid == oid && one.dependent == kind))
}
