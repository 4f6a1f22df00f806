//! Which indexes of one table are held against each other, and what comes of it.

use super::{Cover, cover::cover, subject::Subject};
use crate::model::{Contents, are_comparable, texts_decide};
use std::collections::HashSet;

/// Two subjects by their places; each pair is there in both orders.
pub(super) type Pair = (usize, usize);

/// All that could do each other's work as far as method and columns tell.
pub(super) fn comparable(all: &[Subject<'_>]) -> Vec<Pair> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_unstable_by_key(|at| (all[*at].index.table_oid, *at));
    let mut pairs = Vec::new();
    for family in order.chunk_by(|a, b| all[*a].index.table_oid == all[*b].index.table_oid) {
        for &a in family {
            let others = family.iter().filter(|b| are_comparable(all[a].index, all[**b].index));
            pairs.extend(others.map(|b| (a, *b)));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// An index whose text decides whether it is a twin, and could not be read, is nobody's twin and a matter for a person.
pub(super) fn mark_unread(all: &mut [Subject<'_>], pairs: &[Pair], contents: &Contents) {
    let texts = contents.index_facts.texts.known();
    let is_read = |oid: u32| texts.is_some_and(|texts| texts.contains_key(&oid));
    let unread: HashSet<usize> = pairs
        .iter()
        .filter(|(a, b)| texts_decide(all[*a].index, all[*b].index) && !is_read(all[*a].index.oid))
        .map(|(a, _)| *a)
        .collect();
    for at in unread {
        all[at].signature.keys = None;
        all[at].signature.is_unread = true;
    }
}

/// Who could do whose work.
pub(super) fn covers(all: &[Subject<'_>], pairs: &[Pair]) -> Vec<Cover> {
    let of_pair =
        |&(victim, keeper): &Pair| cover(&all[keeper], &all[victim]).map(|kind| Cover { victim, keeper, kind });
    pairs.iter().filter_map(of_pair).collect()
}
