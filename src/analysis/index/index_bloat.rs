//! index-bloat: larger than a rebuild would make it (docs/reference/sizes-and-bloat.md#b-tree-bloat).

use super::subject::IndexSubject;
use crate::analysis::bloat::index_bloat;
use crate::analysis::index::{IndexFinding, IndexLimits, IndexVerdict, Reason, Verdict};
use crate::facts::{DatabaseSnapshot, Index};

/// Adds the finding to a verdict without changing it: the remedy is REINDEX, which is not part of a migration.
pub(super) fn add_bloat_finding(
    verdict: &mut IndexVerdict,
    subject: &IndexSubject<'_>,
    db: &DatabaseSnapshot,
    version_num: u32,
    limits: &IndexLimits,
) {
    let index = subject.index;
    // A smaller index cannot have that much bloat.
    if index.size.bytes < limits.bloated_bytes || !is_worth_rebuilding(verdict, index) {
        return;
    }
    let Ok(Some(bloat)) = index_bloat(db, index, subject.table, version_num) else { return };
    if limits.is_bloated(bloat.bytes, index.size.bytes) {
        verdict.findings.push(IndexFinding::IndexBloat);
        verdict.reasons.push(Reason::Bloated {
            bloat_bytes: bloat.bytes,
            size_bytes: index.size.bytes,
            source: bloat.source,
        });
    }
}

/// Returns whether a rebuild makes sense: the index is not to be dropped, and it is usable.
pub(crate) fn is_worth_rebuilding(verdict: &IndexVerdict, index: &Index) -> bool {
    verdict.verdict != Verdict::Drop && index.is_valid && index.is_ready && index.is_live
}

#[cfg(test)]
mod tests {
    use crate::analysis::index::plan_drops;
    use crate::analysis::index::testing::{Shop, findings, verdict};
    use crate::analysis::index::{IndexFinding, Verdict};
    use crate::facts::{BtreePages, Fact};
    use std::collections::BTreeMap;

    const MB: u64 = 1 << 20;

    /// The finding on a scanned index of so many MB, of which so many are needed.
    fn evaluate_bloat(size: u64, needed: u64) -> (Verdict, Vec<IndexFinding>) {
        let mut shop = Shop::default();
        let oid = shop.index("grown", &[1]).scans(900).size(size * MB).oid;
        let (snapshot, mut db) = shop.snapshot();
        let pages = BtreePages {
            fillfactor: 90,
            block_size: 8_192,
            index_size: size * MB,
            internal_pages: 0,
            leaf_pages: needed * MB / 8_192 - 1,
            avg_leaf_density: 90.0,
        };
        db.btree_pages = Some(Fact::Known(BTreeMap::from([(oid, pages)])));
        let plan = plan_drops(&snapshot, &db, None, &shop.limits);
        (verdict(&plan, oid), findings(&plan, oid))
    }

    #[test]
    fn index_bloat_needs_half_and_100_mb() {
        assert_eq!(evaluate_bloat(300, 150), (Verdict::Keep, vec![IndexFinding::IndexBloat]));
        assert_eq!(evaluate_bloat(300, 151), (Verdict::Keep, vec![]));
        assert_eq!(evaluate_bloat(198, 99), (Verdict::Keep, vec![]), "half of it, and too little to bother");
        assert_eq!(evaluate_bloat(200, 100), (Verdict::Keep, vec![IndexFinding::IndexBloat]));
    }
}
