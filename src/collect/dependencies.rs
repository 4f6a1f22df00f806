//! Facts of the first round trip that verdicts on indexes rest on: dependencies, and running builds.

use super::{Scope, fetch, queries};
use crate::facts::{Fact, FactGroup, ForeignKey, IndexFacts, OperatorClass};
use crate::postgres::{Oid, Session, Text};
use serde::Deserialize;

#[derive(Deserialize)]
struct OperatorClassRow {
    oid: u32,
    #[serde(flatten)]
    class: OperatorClass,
}

#[derive(Deserialize)]
struct RoleRow {
    role: String,
}

/// Reads them in one round trip. Facts for comparisons follow when the pairs of indexes are known.
pub async fn collect_index_facts(s: &Session, scope: &Scope) -> IndexFacts {
    use queries::*;
    let wanted = scope.facts.contains(FactGroup::IndexFacts);
    let builds_wanted = wanted || scope.facts.contains(FactGroup::IndexBuilds);
    let (operator_classes, foreign_keys, dependents, builds, uncounted_roles) = tokio::join!(biased;
        fetch::fact_if(wanted, &OPERATOR_CLASSES, fetch::json_rows::<OperatorClassRow>(s, &OPERATOR_CLASSES)),
        fetch::fact_if(wanted, &FOREIGN_KEYS, fetch::rows(s, &FOREIGN_KEYS, |row| {
            Ok(ForeignKey {
                constraint_name: row.try_get::<_, Text>("constraint_name")?.0,
                table_oid: row.try_get::<_, Oid>("table_oid")?.0,
                column_numbers: row.try_get("column_numbers")?,
                target_index_oid: row.try_get::<_, Oid>("target_index_oid")?.0,
                is_enforced: row.try_get("is_enforced")?,
            })
        })),
        fetch::fact_if(wanted, &INDEX_DEPENDENTS, fetch::json_rows(s, &INDEX_DEPENDENTS)),
        fetch::fact_if(builds_wanted, &INDEX_BUILDS, fetch::rows(s, &INDEX_BUILDS, |row| Ok(row.try_get::<_, Oid>("table_oid")?.0))),
        fetch::fact_if(wanted, &UNCOUNTED_ROLES, fetch::json_rows::<RoleRow>(s, &UNCOUNTED_ROLES)),
    );
    IndexFacts {
        keys: Fact::not_requested(INDEX_KEYS.fact),
        operator_classes: operator_classes.map(|rows| rows.into_iter().map(|row| (row.oid, row.class)).collect()),
        foreign_keys,
        dependents,
        builds: builds.map(|oids| oids.into_iter().collect()),
        uncounted_roles: uncounted_roles.map(|rows| rows.into_iter().map(|row| row.role).collect()),
        texts: Fact::not_requested(INDEX_TEXTS.fact),
        correlations: Fact::not_requested(COLUMN_CORRELATIONS.fact),
    }
}
