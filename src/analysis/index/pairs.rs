//! Which indexes of one table are held against each other, and what comes of it.

use super::{Cover, cover::find_cover_kind, subject::IndexSubject};
use crate::facts::{DatabaseSnapshot, are_comparable, differ_only_in_texts};
use std::collections::HashSet;

/// Two subjects by their places; each pair is there in both orders.
pub(super) type Pair = (usize, usize);

/// All that could do each other's work as far as method and columns tell.
pub(super) fn comparable_pairs(subjects: &[IndexSubject<'_>]) -> Vec<Pair> {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_unstable_by_key(|at| (subjects[*at].index.table_oid, *at));
    let mut pairs = Vec::new();
    for family in order.chunk_by(|a, b| subjects[*a].index.table_oid == subjects[*b].index.table_oid) {
        for &a in family {
            let comparable = family.iter().filter(|b| are_comparable(subjects[a].index, subjects[**b].index));
            pairs.extend(comparable.map(|b| (a, *b)));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// An index whose text decides whether it is a twin, and could not be read, is nobody's twin and a matter for a person.
pub(super) fn mark_unread(subjects: &mut [IndexSubject<'_>], pairs: &[Pair], db: &DatabaseSnapshot) {
    let texts = db.index_facts.texts.known();
    let is_read = |oid: u32| texts.is_some_and(|texts| texts.contains_key(&oid));
    let unread: HashSet<usize> = pairs
        .iter()
        .filter(|(a, b)| {
            differ_only_in_texts(subjects[*a].index, subjects[*b].index) && !is_read(subjects[*a].index.oid)
        })
        .map(|(a, _)| *a)
        .collect();
    for position in unread {
        subjects[position].signature.keys = None;
        subjects[position].signature.is_unread = true;
    }
}

/// Who could do whose work.
pub(super) fn collect_covers(subjects: &[IndexSubject<'_>], pairs: &[Pair]) -> Vec<Cover> {
    let of_pair = |&(candidate, covering): &Pair| {
        find_cover_kind(&subjects[covering], &subjects[candidate]).map(|kind| Cover { candidate, covering, kind })
    };
    pairs.iter().filter_map(of_pair).collect()
}
