//! All verdicts of a database as one plan, and which selections of it are allowed.

use std::collections::{HashMap, HashSet};

use super::{Need, NeedKind, subject::IndexSubject};
use crate::analysis::index::{IndexAssessment, IndexLimits, IndexVerdict, Reason, Verdict};
use crate::facts::{OidMap, OidSet};

/// Verdicts of one database, and the needs that a selection must preserve.
#[derive(Clone, Debug)]
pub struct DropPlan {
    assessment: IndexAssessment,
    needs: Vec<Need>,
    names: OidMap<String>,
    /// Descendants by OID of the partitioned index, which are dropped with it.
    children: OidMap<Vec<u32>>,
}

/// Reason why a selection is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No index has this name.
    #[error("index {0} does not exist")]
    Unknown(String),
    /// The verdict on the index with this name is `keep`.
    #[error("{0} has the verdict keep")]
    Kept(String),
    /// The selection leaves a need without an index.
    #[error("no index would replace {index} after these drops: {need}")]
    Unmet {
        /// Index with the need, as `schema.index`.
        index: String,
        /// Description of the need.
        need: String,
    },
}

impl DropPlan {
    pub(super) fn new(
        database: String,
        limits: IndexLimits,
        verdicts: Vec<IndexVerdict>,
        needs: Vec<Need>,
        subjects: &[IndexSubject<'_>],
    ) -> DropPlan {
        let names = subjects
            .iter()
            .map(|subject| (subject.index.oid, format!("{}.{}", subject.table.schema, subject.index.index)))
            .collect();
        DropPlan {
            assessment: IndexAssessment { database, verdicts, limits },
            needs,
            names,
            children: children_by_parent(subjects),
        }
    }

    /// Returns the verdicts of the plan, one per index.
    pub fn verdicts(&self) -> &[IndexVerdict] {
        &self.assessment.verdicts
    }

    /// Returns the name of an index as `schema.index`; empty for an unknown OID.
    pub fn name(&self, oid: u32) -> &str {
        self.names.get(&oid).map_or("", String::as_str)
    }

    /// Returns a need that the selection would leave without an index.
    fn unmet_need(&self, selected: &OidSet) -> Option<&Need> {
        let dropped = with_children(selected, &self.children);
        self.needs.iter().find(|need| need.supporters.iter().all(|oid| dropped.contains(oid)))
    }
}

/// Returns the verdicts of the selected indexes, each named as `schema.index`.
///
/// # Errors
///
/// Refuses unknown names, indexes with the verdict `keep`, and a selection that leaves a need without an index.
pub fn select_drops<'a>(plan: &'a DropPlan, names: &[&str]) -> Result<Vec<&'a IndexVerdict>, Refusal> {
    let wanted: HashSet<&str> = names.iter().copied().collect();
    let named = plan.verdicts().iter().map(|verdict| (plan.name(verdict.oid), verdict));
    let found: HashMap<&str, &IndexVerdict> = named.filter(|(name, _)| wanted.contains(name)).collect();
    let mut selected = Vec::new();
    for name in names {
        let verdict = *found.get(name).ok_or_else(|| Refusal::Unknown((*name).to_owned()))?;
        if verdict.verdict == Verdict::Keep {
            return Err(Refusal::Kept((*name).to_owned()));
        }
        selected.push(verdict);
    }
    match plan.unmet_need(&selected.iter().map(|verdict| verdict.oid).collect()) {
        Some(need) => Err(Refusal::Unmet { index: plan.name(need.index_oid).to_owned(), need: need.kind.describe() }),
        None => Ok(selected),
    }
}

impl NeedKind {
    /// Describes the need as the reason of a refusal.
    pub fn describe(&self) -> String {
        match self {
            NeedKind::Scans(scans) => format!("it serves {scans} {}", if *scans == 1 { "scan" } else { "scans" }),
            NeedKind::Uniqueness => "it enforces uniqueness".to_owned(),
            NeedKind::ForeignKey(name) => format!("it supports foreign key {name}"),
            NeedKind::Refresh => "REFRESH MATERIALIZED VIEW CONCURRENTLY requires it".to_owned(),
        }
    }
}

/// Revokes drops until every need has an index: the best of its supporters.
pub(super) fn make_sound(verdicts: &mut [IndexVerdict], needs: &[Need], subjects: &[IndexSubject<'_>]) {
    // Without drops, no need can be unmet.
    if verdicts.iter().all(|index_verdict| index_verdict.verdict != Verdict::Drop) {
        return;
    }
    let positions: OidMap<usize> =
        subjects.iter().enumerate().map(|(position, subject)| (subject.index.oid, position)).collect();
    let children = children_by_parent(subjects);
    let children_of = |oid: u32| std::iter::once(oid).chain(children.get(&oid).into_iter().flatten().copied());
    let mut dropped: OidSet = verdicts
        .iter()
        .filter(|index_verdict| index_verdict.verdict == Verdict::Drop)
        .flat_map(|index_verdict| children_of(index_verdict.oid))
        .collect();
    for need in needs {
        if !need.supporters.iter().all(|oid| dropped.contains(oid)) {
            continue;
        }
        // Prefers an index other than one that is dropped as a duplicate.
        let best = need.supporters.iter().filter_map(|oid| positions.get(oid)).min_by_key(|position| {
            let verdict = &verdicts[**position];
            (
                verdict.confidence == crate::analysis::index::Confidence::Proven,
                subjects[**position].index.oid != need.index_oid,
                subjects[**position].bytes,
            )
        });
        let Some(&position) = best else { continue };
        let position = subjects[position].root.and_then(|root| positions.get(&root.oid).copied()).unwrap_or(position);
        let forever = !matches!(need.kind, NeedKind::Scans(_));
        verdicts[position].verdict = if forever { Verdict::Keep } else { Verdict::Review };
        verdicts[position].reasons.insert(0, Reason::LastOfItsKind { need: need.kind.describe() });
        for oid in children_of(verdicts[position].oid) {
            dropped.remove(&oid);
        }
    }
}

fn children_by_parent(subjects: &[IndexSubject<'_>]) -> OidMap<Vec<u32>> {
    let mut children: OidMap<Vec<u32>> = OidMap::default();
    let tree = crate::facts::PartitionTree::from_edges(
        subjects.iter().map(|subject| (subject.index.oid, subject.index.parent_oid)),
    );
    for subject in subjects.iter().filter(|subject| subject.index.is_partitioned) {
        children.insert(subject.index.oid, tree.descendants(subject.index.oid).to_vec());
    }
    children
}

fn with_children(selected: &OidSet, children_of: &OidMap<Vec<u32>>) -> OidSet {
    let children = selected.iter().flat_map(|oid| children_of.get(oid).into_iter().flatten());
    selected.iter().chain(children).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::index::testing::{Shop, verdict};

    #[test]
    fn drop_plan_refuses_unmet_need() {
        let mut shop = Shop::default();
        let a = shop.index("a", &[1]).scans(500).size(10 << 20).oid;
        let ab = shop.index("ab", &[1, 2]).scans(40).size(50 << 20).oid;
        let key = shop.index("key", &[3]).unique().oid;
        let plan = shop.plan();
        assert_eq!([a, ab, key].map(|oid| verdict(&plan, oid)), [Verdict::Review, Verdict::Review, Verdict::Keep]);
        assert_eq!(select_drops(&plan, &["shop.missing"]).unwrap_err(), Refusal::Unknown("shop.missing".to_owned()));
        assert_eq!(select_drops(&plan, &["shop.key"]).unwrap_err(), Refusal::Kept("shop.key".to_owned()));
        assert!(select_drops(&plan, &["shop.a"]).is_ok() && select_drops(&plan, &["shop.ab"]).is_ok());
        let refusal = select_drops(&plan, &["shop.a", "shop.ab"]).unwrap_err();
        assert!(matches!(&refusal, Refusal::Unmet { index, .. } if index == "shop.a"), "{refusal}");
    }

    #[test]
    fn drop_plan_any_selection_is_sound() {
        let mut shop = Shop::default();
        for (number, columns) in [[1, 2], [1, 3], [2, 1], [1, 2], [2, 1], [1, 3], [3, 1]].iter().enumerate() {
            shop.index(&format!("i{number}"), columns).scans(100 * (number as u64 % 2));
        }
        shop.foreign_key(&[3], 0);
        shop.foreign_key(&[1, 2], 0);
        let plan = shop.plan();
        let drops: Vec<&str> = plan
            .verdicts()
            .iter()
            .filter(|index_verdict| index_verdict.verdict == Verdict::Drop)
            .map(|index_verdict| plan.name(index_verdict.oid))
            .collect();
        assert!(drops.len() >= 3, "{drops:?}");
        for choice in 0..1_u32 << drops.len() {
            let names: Vec<&str> = drops
                .iter()
                .enumerate()
                .filter(|(position, _)| choice >> position & 1 == 1)
                .map(|(_, name)| *name)
                .collect();
            assert!(select_drops(&plan, &names).is_ok(), "{names:?}");
        }
    }
}
