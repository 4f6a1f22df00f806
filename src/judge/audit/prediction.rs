//! What an audit will be held against later: sizes after the clean-up, and after the move.

use super::{Amount, Audit, Group, Kind};
use crate::model::past::Measured;

/// One size, now and then.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// After the move, by the chosen way; else after the clean-up, where it is.
    pub moved: bool,
    pub of: Measured,
    pub now_bytes: u64,
    pub then: Amount,
}

/// What later looks can measure: databases, pg_wal, and the whole. Nothing of what is not known.
pub fn predicted(audit: &Audit<'_>) -> Vec<Predicted> {
    let mut all = Vec::new();
    let physical = audit.chosen().is_some_and(|it| it.is_physical);
    for one in &audit.inside {
        let line = audit.databases.iter().find(|it| it.database == one.database);
        // One that holds catalogs only is there on every server; nobody copies it.
        if one.forecast.relations.iter().all(|it| it.table.is_catalog()) {
            continue;
        }
        let Some(now_bytes) = line.and_then(|it| it.bytes) else { continue };
        let of = || Measured::Database(one.database.clone());
        let cleaned = Amount::exactly(now_bytes).minus(one.cleaned);
        if one.cleaned.bytes > 0 {
            all.push(Predicted { moved: false, of: of(), now_bytes, then: cleaned });
        }
        let then = if physical { cleaned } else { one.logical };
        all.push(Predicted { moved: true, of: of(), now_bytes, then });
    }
    let wal = audit.terms.iter().find(|it| it.kind == Kind::WalDirectory).and_then(|it| it.amount);
    let freed = audit
        .group(Group::Reclaimable)
        .into_iter()
        .filter(|it| matches!(it.kind, Kind::StaleSlots { .. } | Kind::InactiveSlots { .. }))
        .filter_map(|it| it.amount)
        .fold(Amount::default(), Amount::plus);
    if let Some(wal) = wal.filter(|_| freed.bytes > 0) {
        all.push(Predicted { moved: false, of: Measured::WalDirectory, now_bytes: wal.bytes, then: wal.minus(freed) });
    }
    if let (Some(used), Some(then)) = (audit.used, audit.chosen().and_then(|it| it.arrives)) {
        all.push(Predicted { moved: true, of: Measured::Everything, now_bytes: used.bytes, then });
    }
    all
}
