//! Which index can replace which.

use super::{Cover, signature::Key, subject::IndexSubject};
use crate::analysis::index::CoverKind;
use crate::facts::{DatabaseSnapshot, are_comparable, differ_only_in_texts};
use std::collections::HashSet;

/// Flips both bits of a column's order: the exact reverse.
const REVERSE: i16 = 3;

/// Returns how `covering` can replace `candidate`, if it can.
fn find_cover_kind(covering: &IndexSubject<'_>, candidate: &IndexSubject<'_>) -> Option<CoverKind> {
    let (k, v) = (covering.index, candidate.index);
    if k.oid == v.oid || k.table_oid != v.table_oid || !covering.is_sound() || v.is_exclusion || k.is_exclusion {
        return None;
    }
    // Only a partitioned index covers all partitions.
    if k.is_partitioned != v.is_partitioned {
        return None;
    }
    if v.is_unique && !enforces_uniqueness_of(covering, candidate) {
        return None;
    }
    let kind = cover_kind_for_scans(covering, candidate)?;
    // Uniqueness can be taken over only by an index with the same keys.
    (!v.is_unique || matches!(kind, CoverKind::Same | CoverKind::Reversed)).then_some(kind)
}

/// Returns whether `covering` rejects every row that `candidate` rejects, and immediately if `candidate` does. NULLS
/// NOT DISTINCT is stricter, a deferrable constraint is weaker (rule 3).
fn enforces_uniqueness_of(covering: &IndexSubject<'_>, candidate: &IndexSubject<'_>) -> bool {
    let (k, v) = (covering.index, candidate.index);
    k.is_unique
        && k.key_columns_count == v.key_columns_count
        && (k.is_immediate || !v.is_immediate)
        && (covering.signature.nulls_not_distinct || !candidate.signature.nulls_not_distinct)
}

/// Returns whether the key columns of `covering` identify at most one row, so that further columns of `candidate`
/// narrow nothing. A unique index allows many rows with a null key, so nulls must be impossible or not distinct (rule
/// 4).
fn finds_unique_row(covering: &IndexSubject<'_>, candidate: &IndexSubject<'_>) -> bool {
    let k = covering.index;
    k.is_unique
        && k.is_immediate
        && !k.is_partial
        && !candidate.index.is_partial
        && (covering.signature.is_not_null || covering.signature.nulls_not_distinct)
}

fn cover_kind_for_scans(covering: &IndexSubject<'_>, candidate: &IndexSubject<'_>) -> Option<CoverKind> {
    let (k, v) = (&covering.signature, &candidate.signature);
    let (k_keys, v_keys) = (k.keys.as_ref()?, v.keys.as_ref()?);
    let (k_predicate, v_predicate) = (k.predicate.as_ref()?, v.predicate.as_ref());
    let (k_method, v_method) = (&*covering.index.method, &*candidate.index.method);
    if v_method == "hash" && k_method == "btree" {
        // Operator families always differ; column and collation decide.
        let same = |a: &Key<'_>, b: &Key<'_>| a.source == b.source && a.collation == b.collation;
        let begins = v_keys.len() == 1 && k_keys.first().is_some_and(|key| same(key, &v_keys[0]));
        let equal_rows = v_predicate == Some(k_predicate);
        return (begins && equal_rows && k_keys.len() == 1).then_some(CoverKind::HashInBtree);
    }
    if k_method != v_method {
        return None;
    }
    let same_rows = v_predicate == Some(k_predicate);
    let all_rows = k_predicate.is_none() && candidate.index.is_partial;
    let pairs = || v_keys.iter().zip(k_keys);
    let begins_alike = pairs().all(|(a, b)| a.is_alike(b));
    let alike = v_keys.len() <= k_keys.len() && begins_alike;
    if matches!(k_method, "gin" | "brin") && same_rows {
        let subset = v_keys.iter().all(|key| k_keys.iter().any(|other| other.is_alike(key)));
        let same_set = subset && v_keys.len() == k_keys.len();
        if same_set && alike && k.storage == v.storage {
            return Some(CoverKind::Same);
        }
        // The ranges of a BRIN index are part of its definition.
        return (subset && (k_method == "gin" || k.storage == v.storage)).then_some(CoverKind::Subset);
    }
    if !begins_alike {
        return None;
    }
    let forward = pairs().all(|(a, b)| a.options == b.options);
    let backward = pairs().all(|(a, b)| a.options == b.options ^ REVERSE);
    let read_backward = backward && k_method == "btree";
    if !forward && !read_backward {
        return None;
    }
    if v_keys.len() > k_keys.len() {
        return (k_method == "btree" && finds_unique_row(covering, candidate)).then_some(CoverKind::SupersetOfUnique);
    }
    let same_length = v_keys.len() == k_keys.len();
    let (candidate_columns, covering_columns) = (candidate.index.included_columns(), covering.index.included_columns());
    let among = |some: &[i16], columns: &[i16]| some.iter().all(|number| columns.contains(number));
    if same_length && among(candidate_columns, covering_columns) && among(covering_columns, candidate_columns) {
        return match (same_rows, all_rows) {
            (true, _) if forward => Some(CoverKind::Same),
            (true, _) => Some(CoverKind::Reversed),
            (false, true) if forward => Some(CoverKind::PartialInFull),
            _ => None,
        };
    }
    // INCLUDE columns may be key columns of the other index: an index-only scan returns both.
    let included = candidate_columns.iter().all(|number| covering.index.column_numbers.contains(number));
    (same_rows && included && k_method == "btree").then_some(CoverKind::Prefix)
}

/// Positions of two subjects (candidate, covering). Each pair exists in both orders.
pub(super) type Pair = (usize, usize);

/// Returns the pairs of one table whose access method and columns allow one to replace the other.
pub(super) fn comparable_pairs(subjects: &[IndexSubject<'_>]) -> Vec<Pair> {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_unstable_by_key(|position| (subjects[*position].index.table_oid, *position));
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

/// Marks indexes that differ from another one only in expressions or predicate, when these could not be read. A marked
/// index covers nothing, and its verdict is at most `review`.
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

/// Returns which index can replace which.
pub(super) fn collect_covers(subjects: &[IndexSubject<'_>], pairs: &[Pair]) -> Vec<Cover> {
    let of_pair = |&(candidate, covering): &Pair| {
        find_cover_kind(&subjects[covering], &subjects[candidate]).map(|kind| Cover { candidate, covering, kind })
    };
    pairs.iter().filter_map(of_pair).collect()
}
