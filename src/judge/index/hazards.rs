//! What forbids dropping an index, whatever its counters say: what the server refuses, and what it silently lets happen
//! (fact sheet on indexes, A1 and A2).

use super::{
    needs::{Dependencies, Need, NeedKind, is_behind},
    subject::Subject,
};
use crate::model::{ConstraintKind, Contents, DependentKind, Persistence, Reason, Verdict};

/// The best an index can still get, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Cap {
    pub most: Verdict,
    /// Only what was concluded from counters is capped: a twin does all the same.
    pub of_counters: bool,
    pub reason: Reason,
}

fn keep(reason: Reason) -> Cap {
    Cap { most: Verdict::Keep, of_counters: false, reason }
}

fn review(reason: Reason) -> Cap {
    Cap { most: Verdict::Review, of_counters: false, reason }
}

fn review_counters(reason: Reason) -> Cap {
    Cap { most: Verdict::Review, of_counters: true, reason }
}

/// Everything that stands in an index's way.
pub fn hazards(
    subject: &Subject<'_>,
    needs: &[&Need],
    dependencies: &Dependencies<'_>,
    contents: &Contents,
) -> Vec<Cap> {
    let (index, table) = (subject.index, subject.table);
    let mut caps = Vec::new();
    let constraint = index.constraint_name.clone().unwrap_or_default();
    let alone = |kind: fn(&NeedKind) -> bool| {
        needs.iter().any(|need| kind(&need.kind) && need.of == index.oid && need.supporters == [index.oid])
    };
    let alone_unique = alone(|kind| *kind == NeedKind::Uniqueness);
    match index.constraint {
        Some(ConstraintKind::PrimaryKey) => caps.push(keep(Reason::PrimaryKey { constraint })),
        Some(ConstraintKind::Exclusion) => caps.push(keep(Reason::ExclusionConstraint { constraint })),
        // A twin enforces the same; dropping a constraint is still ALTER TABLE's matter, never DROP INDEX's.
        Some(ConstraintKind::Unique) if alone_unique => caps.push(keep(Reason::UniqueConstraint { constraint })),
        Some(ConstraintKind::Unique) => caps.push(review(Reason::MatterForAlterTable { constraint })),
        None if index.is_primary || index.is_exclusion => caps.push(keep(Reason::EnforcesUniqueness)),
        None if alone_unique && index.is_valid => caps.push(keep(Reason::EnforcesUniqueness)),
        None => {}
    }
    if let Some(key) = dependencies.target(index.oid) {
        caps.push(keep(Reason::ForeignKeyTarget { constraint: key.constraint_name.clone() }));
    }
    if index.is_replica_identity {
        caps.push(keep(Reason::ReplicaIdentity));
    }
    let alone_refreshing = needs.iter().any(|need| need.kind == NeedKind::Refresh && need.supporters == [index.oid]);
    if alone_refreshing {
        caps.push(keep(Reason::RefreshConcurrently));
    }
    if table.extension.is_some() || dependencies.depends(index.oid, DependentKind::Extension) {
        caps.push(keep(Reason::OfExtension { extension: table.extension.clone() }));
    }
    if dependencies.depends(index.oid, DependentKind::View) {
        caps.push(keep(Reason::ViewDependsOnIt));
    }
    if let Some(root) = subject.root {
        caps.push(keep(Reason::AttachedTo { index: root.index.clone() }));
    }
    if table.persistence == Persistence::Temporary {
        caps.push(keep(Reason::Temporary));
    }
    for need in needs.iter().filter(|need| need.supporters == [index.oid]) {
        if let NeedKind::ForeignKey(constraint) = &need.kind {
            caps.push(keep(Reason::BehindForeignKey { constraint: constraint.clone() }));
        }
    }
    let mut behind = dependencies.foreign_keys_of(index.table_oid).iter().filter(|key| is_behind(index, key));
    if index.is_partial
        && let Some(key) = behind.next()
    {
        let constraint = key.constraint_name.clone();
        caps.push(review_counters(Reason::PartialBehindForeignKey { constraint }));
    }
    if index.is_partitioned {
        caps.push(review(Reason::PartitionedLock { partitions: subject.below }));
    }
    if index.is_clustered {
        caps.push(review(Reason::Clustered));
    }
    if index.is_expression {
        caps.push(review_counters(Reason::ExpressionStatistics));
    }
    if subject.signature.is_unread {
        caps.push(review(Reason::NotRead { fact: "index expressions".to_owned() }));
    }
    caps.extend(unread(contents).into_iter().map(|fact| review(Reason::NotRead { fact })));
    // There may be a hundred thousand of these, most with one.
    caps.shrink_to_fit();
    caps
}

/// Facts without which no drop is safe, and that are missing.
fn unread(contents: &Contents) -> Vec<String> {
    let facts = &contents.index_facts;
    let mut missing = Vec::new();
    let mut note = |why: Option<&crate::model::Unavailable>, name: &str| {
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
