//! What forbids dropping an index, whatever its counters say: drops that the server refuses
//! (docs/reference/index-usage.md#drops-that-the-server-refuses), and drops that it allows although something breaks
//! (docs/reference/index-usage.md#drops-that-the-server-allows).

use super::{
    needs::{Dependencies, Need, NeedKind, supports_foreign_key},
    subject::IndexSubject,
};
use crate::analysis::index::{Reason, Verdict};
use crate::facts::{ConstraintKind, DatabaseSnapshot, DependentKind, Persistence};

/// Upper limit of a verdict, with its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictCap {
    /// The most severe verdict that is still possible.
    pub max_verdict: Verdict,
    /// Whether the limit applies only to conclusions from counters. A duplicate can be dropped all the same.
    pub of_counters: bool,
    /// Reason of the limit.
    pub reason: Reason,
}

fn keep_cap(reason: Reason) -> VerdictCap {
    VerdictCap { max_verdict: Verdict::Keep, of_counters: false, reason }
}

fn review_cap(reason: Reason) -> VerdictCap {
    VerdictCap { max_verdict: Verdict::Review, of_counters: false, reason }
}

fn counter_review_cap(reason: Reason) -> VerdictCap {
    VerdictCap { max_verdict: Verdict::Review, of_counters: true, reason }
}

/// Returns every limit that applies to an index.
pub fn find_hazards(
    subject: &IndexSubject<'_>,
    needs: &[&Need],
    dependencies: &Dependencies<'_>,
    db: &DatabaseSnapshot,
) -> Vec<VerdictCap> {
    let (index, table) = (subject.index, subject.table);
    let mut caps = Vec::new();
    let constraint = index.constraint_name.clone().unwrap_or_default();
    let alone = |kind: fn(&NeedKind) -> bool| {
        needs.iter().any(|need| kind(&need.kind) && need.index_oid == index.oid && need.supporters == [index.oid])
    };
    let alone_unique = alone(|kind| *kind == NeedKind::Uniqueness);
    match index.constraint {
        Some(ConstraintKind::PrimaryKey) => caps.push(keep_cap(Reason::PrimaryKey { constraint })),
        Some(ConstraintKind::Exclusion) => caps.push(keep_cap(Reason::ExclusionConstraint { constraint })),
        // A duplicate enforces the same, but only ALTER TABLE can drop a constraint.
        Some(ConstraintKind::Unique) if alone_unique => caps.push(keep_cap(Reason::UniqueConstraint { constraint })),
        Some(ConstraintKind::Unique) => caps.push(review_cap(Reason::MatterForAlterTable { constraint })),
        None if index.is_primary || index.is_exclusion => caps.push(keep_cap(Reason::EnforcesUniqueness)),
        None if alone_unique && index.is_valid => caps.push(keep_cap(Reason::EnforcesUniqueness)),
        None => {}
    }
    if let Some(key) = dependencies.foreign_key_target(index.oid) {
        caps.push(keep_cap(Reason::ForeignKeyTarget { constraint: key.constraint_name.clone() }));
    }
    if index.is_replica_identity {
        caps.push(keep_cap(Reason::ReplicaIdentity));
    }
    let alone_refreshing = needs.iter().any(|need| need.kind == NeedKind::Refresh && need.supporters == [index.oid]);
    if alone_refreshing {
        caps.push(keep_cap(Reason::RefreshConcurrently));
    }
    if table.extension.is_some() || dependencies.has_dependent(index.oid, DependentKind::Extension) {
        caps.push(keep_cap(Reason::OfExtension { extension: table.extension.clone() }));
    }
    if dependencies.has_dependent(index.oid, DependentKind::View) {
        caps.push(keep_cap(Reason::ViewDependsOnIt));
    }
    if let Some(root) = subject.root {
        caps.push(keep_cap(Reason::AttachedTo { index: root.index.clone() }));
    }
    if table.persistence == Persistence::Temporary {
        caps.push(keep_cap(Reason::Temporary));
    }
    for need in needs.iter().filter(|need| need.supporters == [index.oid]) {
        if let NeedKind::ForeignKey(constraint) = &need.kind {
            caps.push(keep_cap(Reason::BehindForeignKey { constraint: constraint.clone() }));
        }
    }
    let mut behind =
        dependencies.foreign_keys_of(index.table_oid).iter().filter(|key| supports_foreign_key(index, key));
    if index.is_partial
        && let Some(key) = behind.next()
    {
        let constraint = key.constraint_name.clone();
        caps.push(counter_review_cap(Reason::PartialBehindForeignKey { constraint }));
    }
    if index.is_partitioned {
        caps.push(review_cap(Reason::PartitionedLock { partitions: subject.descendants }));
    }
    if index.is_clustered {
        caps.push(review_cap(Reason::Clustered));
    }
    if index.is_expression {
        caps.push(counter_review_cap(Reason::ExpressionStatistics));
    }
    if subject.signature.is_unread {
        caps.push(review_cap(Reason::NotRead { fact: "index expressions".to_owned() }));
    }
    caps.extend(missing_facts(db).into_iter().map(|fact| review_cap(Reason::NotRead { fact })));
    // Exact capacity: there may be a hundred thousand, most with one.
    caps.shrink_to_fit();
    caps
}

/// Returns the names of missing facts without which no drop is safe.
fn missing_facts(db: &DatabaseSnapshot) -> Vec<String> {
    let facts = &db.index_facts;
    let mut missing = Vec::new();
    let mut note = |why: Option<&crate::facts::Unavailable>, name: &str| {
        if why.is_some_and(|why| why.needs_version.is_none()) {
            missing.push(name.to_owned());
        }
    };
    note(facts.keys.as_result().err(), "index keys");
    note(facts.operator_classes.as_result().err(), "operator classes");
    note(facts.foreign_keys.as_result().err(), "foreign keys");
    note(facts.dependents.as_result().err(), "index dependents");
    missing
}
