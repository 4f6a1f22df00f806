//! redundant-index: a wider index of the same table covers it (docs/reference/index-equivalence.md#covering-indexes),
//! possibly at a cost (docs/reference/index-equivalence.md#cost-of-a-prefix).

use super::{Cover, RawFinding, subject::IndexSubject};
use crate::analysis::index::{Confidence, CoverKind, IndexFinding, IndexLimits, Reason, Verdict};
use crate::facts::DatabaseSnapshot;
use std::collections::HashMap;

/// Correlation of column values with the physical order of rows (`pg_stats.correlation`), by OID of the table and
/// column number.
pub(super) type Correlations = HashMap<(u32, i16), f64>;

/// Returns the correlations of a database; empty when they could not be read.
pub(super) fn column_correlations(db: &DatabaseSnapshot) -> Correlations {
    let known = db.index_facts.correlations.known().into_iter().flatten();
    known.map(|correlation| ((correlation.table_oid, correlation.number), correlation.correlation)).collect()
}

/// Returns the positions of covered indexes, the widest first, so that each index is evaluated after those that may
/// cover it.
pub(super) fn widest_first(subjects: &[IndexSubject<'_>], covers: &[Cover]) -> Vec<usize> {
    let mut order: Vec<usize> = covers.iter().map(|cover| cover.candidate).collect();
    order.dedup();
    order.sort_by_key(|position| {
        let index = subjects[*position].index;
        std::cmp::Reverse((
            index.column_numbers.len(),
            index.key_columns_count,
            !index.is_partial,
            index.method == "btree",
        ))
    });
    order
}

/// Evaluates a covered index. A prefix of about the same size is `drop` with confidence `likely`. A larger covering
/// index costs more page reads, and the planner assumes less correlation for an index on several columns than on one.
pub(super) fn evaluate_redundant(
    position: usize,
    subjects: &[IndexSubject<'_>],
    covers: &[&Cover],
    is_kept: &dyn Fn(usize) -> bool,
    in_doubt: &[bool],
    correlations: &Correlations,
    limits: &IndexLimits,
) -> Option<RawFinding> {
    let candidate = &subjects[position];
    // Duplicates have a finding of their own, and a unique index can only be replaced by a duplicate.
    if candidate.index.is_unique || candidate.root.is_some() {
        return None;
    }
    let kept_covers = covers.iter().filter(|cover| is_kept(cover.covering));
    let mut options: Vec<(Verdict, Vec<Reason>, usize)> = kept_covers
        .filter(|cover| !matches!(cover.kind, CoverKind::Same | CoverKind::Reversed))
        .filter(|cover| {
            cover.kind != CoverKind::PartialInFull || is_hardly_smaller(candidate, &subjects[cover.covering])
        })
        .map(|cover| {
            let covering = &subjects[cover.covering];
            let name = covering.index.index.clone();
            let mut reasons = vec![Reason::CoveredBy {
                index: name.clone(),
                how: cover.kind,
                size_bytes: candidate.bytes,
                cover_bytes: covering.bytes,
            }];
            reasons.extend(cover_cost(candidate, covering, cover.kind, correlations, limits));
            if in_doubt[cover.covering] {
                reasons.push(Reason::CoverInDoubt { index: name });
            }
            let verdict = if reasons.len() == 1 { Verdict::Drop } else { Verdict::Review };
            (verdict, reasons, cover.covering)
        })
        .collect();
    options.sort_by_key(|(verdict, reasons, covering)| {
        (std::cmp::Reverse(*verdict), reasons.len(), subjects[*covering].bytes)
    });
    let covered_by = options.iter().map(|(_, _, covering)| *covering).filter(|covering| !in_doubt[*covering]);
    let covered_by: Vec<usize> = covered_by.collect();
    let (verdict, reasons, first) = options.into_iter().next()?;
    Some(RawFinding {
        finding: IndexFinding::RedundantIndex,
        verdict,
        confidence: Confidence::Likely,
        of_counters: false,
        reasons,
        covered_by: if covered_by.is_empty() { vec![first] } else { covered_by },
    })
}

/// Returns whether the candidate is nearly as large as the covering index. A partial index is usually kept small on
/// purpose, so it is reported only when it is not.
fn is_hardly_smaller(candidate: &IndexSubject<'_>, covering: &IndexSubject<'_>) -> bool {
    candidate.bytes as f64 > 0.8 * covering.bytes as f64
}

/// Returns the reasons why the covering index may be slower.
fn cover_cost(
    candidate: &IndexSubject<'_>,
    covering: &IndexSubject<'_>,
    kind: CoverKind,
    correlations: &Correlations,
    limits: &IndexLimits,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if kind != CoverKind::Prefix {
        reasons.push(Reason::PreciseCover { how: kind });
    }
    let ratio = covering.bytes as f64 / candidate.bytes.max(1) as f64;
    if ratio > limits.max_cover_ratio {
        reasons.push(Reason::CoverMuchLarger { ratio });
    }
    let narrow = candidate.index.key_columns_count == 1 && covering.index.key_columns_count > 1;
    if kind == CoverKind::Prefix && narrow {
        let number = candidate.index.column_numbers.first().copied().unwrap_or(0);
        match correlations.get(&(candidate.table.oid, number)) {
            Some(correlation) if correlation.abs() > limits.correlated => {
                reasons.push(Reason::Correlated { correlation: *correlation });
            }
            Some(_) => {}
            None => reasons.push(Reason::CorrelationUnknown),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::index::testing::{Shop, findings, verdict};

    #[test]
    fn redundant_index_costly_cover_is_review() {
        let mut shop = Shop::default();
        shop.correlation(1, 0.1);
        let larger = shop.index("larger", &[1]).scans(100).size(10 << 20).oid;
        shop.index("cover", &[1, 2]).scans(100).size(21 << 20);
        let unknown = shop.index("unknown", &[3]).scans(100).oid;
        shop.index("cover_of_unknown", &[3, 2]).scans(100);
        shop.correlation(4, -0.9);
        let correlated = shop.index("correlated", &[4]).scans(100).oid;
        shop.index("cover_of_correlated", &[4, 2]).scans(100);
        let plan = shop.plan();
        for oid in [larger, unknown, correlated] {
            assert_eq!(verdict(&plan, oid), Verdict::Review, "{oid}");
            assert_eq!(findings(&plan, oid), [IndexFinding::RedundantIndex]);
        }
    }

    #[test]
    fn redundant_index_ignores_doubtful_cover() {
        let mut shop = Shop::default();
        shop.correlation(1, 0.1);
        let used = shop.index("used", &[1]).scans(500).oid;
        let unused = shop.index("unused", &[1, 2]).oid;
        let plan = shop.plan();
        assert_eq!((verdict(&plan, used), verdict(&plan, unused)), (Verdict::Review, Verdict::Drop));
    }

    #[test]
    fn redundant_index_chain_needs_last_cover() {
        let mut shop = Shop::default();
        shop.correlation(1, 0.1);
        let a = shop.index("a", &[1]).scans(500).oid;
        let ab = shop.index("ab", &[1, 2]).scans(500).size(11 << 20).oid;
        let abc = shop.index("abc", &[1, 2, 3]).scans(500).size(40 << 20).oid;
        let plan = shop.plan();
        assert_eq!([a, ab, abc].map(|oid| verdict(&plan, oid)), [Verdict::Drop, Verdict::Review, Verdict::Keep]);
    }

    #[test]
    fn redundant_index_unique_prefix_without_nulls() {
        let mut shop = Shop::default();
        shop.index("key", &[1]).unique().not_null();
        let longer = shop.index("longer", &[1, 2]).scans(100).oid;
        shop.index("nullable", &[3]).unique();
        let nullable_second = shop.index("beside_null", &[3, 2]).scans(100).oid;
        shop.index("one_null", &[4]).unique().nulls_not_distinct();
        let beside_one_null = shop.index("beside_one_null", &[4, 2]).scans(100).oid;
        let other_leading = shop.index("other_first", &[2, 1]).scans(100).oid;
        shop.index("partial_key", &[5]).unique().not_null().predicate("(b > 0)");
        let of_all_rows = shop.index("of_all_rows", &[5, 2]).scans(100).oid;
        let plan = shop.plan();
        for oid in [longer, beside_one_null] {
            assert_eq!(verdict(&plan, oid), Verdict::Review, "{oid}");
            assert_eq!(findings(&plan, oid), [IndexFinding::RedundantIndex]);
        }
        for oid in [nullable_second, other_leading, of_all_rows] {
            assert_eq!(verdict(&plan, oid), Verdict::Keep, "{oid}");
        }
    }

    #[test]
    fn redundant_index_needs_included_columns() {
        let mut shop = Shop::default();
        let included = shop.index("included", &[1, 2]).include(1).scans(100).oid;
        shop.index("without", &[1, 3]).scans(100);
        assert_eq!(verdict(&shop.plan(), included), Verdict::Keep);
        shop.correlation(1, 0.1);
        shop.index("with", &[1, 2, 3]).scans(100);
        assert_eq!(verdict(&shop.plan(), included), Verdict::Drop);
    }
}
