//! The first round trip of a database: all facts that need no lock.

use super::relations::{SizeEstimates, TableRow, index, table};
use super::{Scope, comparisons, database_size, fetch, queries, sequence_use};
use crate::facts::{
    AutovacuumScore, Fact, FactGroup, ForeignKey, Index, IndexFacts, LockedRelation, Obstacles, OperatorClass,
    PostUpdate, Sequences, StatisticsResets,
};
use crate::postgres::{Oid, Session, Text};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Facts of the first round trip of a database.
pub struct CatalogFacts {
    /// `None` until it is read.
    pub database_bytes: Option<Fact<u64>>,
    pub tables: Fact<Vec<TableRow>>,
    pub indexes: Fact<Vec<Index>>,
    pub last_idx_scans: Fact<BTreeMap<u32, Timestamp>>,
    pub index_resets: Fact<BTreeMap<u32, Timestamp>>,
    pub sequences: Fact<Sequences>,
    pub sequence_use: Fact<sequence_use::ListedSequences>,
    pub autovacuum_scores: Fact<Vec<AutovacuumScore>>,
    pub locked_relations: Fact<Vec<LockedRelation>>,
    pub statistics_resets: Fact<StatisticsResets>,
    pub index_facts: IndexFacts,
    pub obstacles: Fact<Obstacles>,
    pub post_update: Fact<PostUpdate>,
    pub may_stat_files: Fact<bool>,
    /// Relations to measure.
    pub size_estimates: SizeEstimates,
    /// Indexes to compare.
    pub comparison_selection: comparisons::ComparisonSelection,
}

#[derive(Deserialize)]
struct FileAccess {
    may_stat_files: bool,
}

/// Reads all of them together.
pub async fn collect_catalog_facts(s: &Session, scope: &Scope) -> CatalogFacts {
    use queries::*;
    let wanted = scope.facts.contains(FactGroup::Relations);
    fetch::join_facts! {
        sequences = fetch::fact_if(wanted, &SEQUENCES, fetch::json_row(s, &SEQUENCES));
        sequence_use = fetch::fact_if(scope.facts.contains(FactGroup::Health), &SEQUENCE_USE, fetch::json_row(s, &SEQUENCE_USE));
        autovacuum_scores = fetch::fact_if(scope.facts.contains(FactGroup::Autovacuum), &AUTOVACUUM_SCORES, fetch::json_rows(s, &AUTOVACUUM_SCORES));
        locked_relations = fetch::fact_if(wanted, &LOCKED_RELATIONS, fetch::rows(s, &LOCKED_RELATIONS, |row| {
            Ok(LockedRelation { oid: row.try_get::<_, i64>("oid")? as u32, granted: row.try_get("granted")? })
        }));
        statistics_resets = fetch::fact_if(wanted, &STATISTICS_RESETS, fetch::json_row(s, &STATISTICS_RESETS));
        file_access = fetch::fact_if(wanted, &FILE_ACCESS, fetch::json_row::<FileAccess>(s, &FILE_ACCESS));
        relations = Box::pin(collect_relations(s, scope));
        last_idx_scans = fetch::fact_if(wanted, &LAST_IDX_SCANS, fetch::rows(s, &LAST_IDX_SCANS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("last_idx_scan")?))
        }));
        index_resets = fetch::fact_if(wanted, &INDEX_RESETS, fetch::rows(s, &INDEX_RESETS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("stats_reset")?))
        }));
        index_facts = Box::pin(collect_index_facts(s, scope));
        post_update = fetch::fact_if(scope.facts.contains(FactGroup::PostUpdate), &POST_UPDATE, fetch::json_row(s, &POST_UPDATE));
        obstacles = fetch::fact_if(scope.facts.contains(FactGroup::CopySize), &COPY_OBSTACLES, fetch::json_row(s, &COPY_OBSTACLES));
    }
    let CollectedRelations { database_bytes, tables, indexes, size_estimates: doubts, comparison_selection: compared } =
        relations;
    CatalogFacts {
        database_bytes,
        tables,
        indexes,
        last_idx_scans: last_idx_scans.map(|scans| scans.into_iter().collect()),
        index_resets: index_resets.map(|resets| resets.into_iter().collect()),
        sequences,
        sequence_use,
        autovacuum_scores,
        locked_relations,
        statistics_resets,
        index_facts,
        obstacles,
        post_update,
        may_stat_files: file_access.map(|access| access.may_stat_files),
        size_estimates: doubts,
        comparison_selection: compared,
    }
}

/// The relations, and values derived from them.
struct CollectedRelations {
    database_bytes: Option<Fact<u64>>,
    tables: Fact<Vec<TableRow>>,
    indexes: Fact<Vec<Index>>,
    size_estimates: SizeEstimates,
    comparison_selection: comparisons::ComparisonSelection,
}

/// Reads and sorts them, while the server executes the other queries.
async fn collect_relations(s: &Session, scope: &Scope) -> CollectedRelations {
    use queries::*;
    let wanted = scope.facts.contains(FactGroup::Relations);
    let tables = async {
        let tables =
            fetch::fact_if(wanted, &TABLES, fetch::columns(s, &TABLES, table::Columns::NAMES, table::decode_table))
                .await;
        let database_bytes = match tables.known() {
            Some(tables) if scope.concurrent_size => Box::pin(database_size::fetch_concurrently(s, tables.len())).await,
            _ => None,
        };
        (tables, database_bytes)
    };
    let indexes =
        fetch::fact_if(wanted, &INDEXES, fetch::columns(s, &INDEXES, index::Columns::NAMES, index::decode_index));
    // After the indexes, so that an index whose constraint is just being created is not seen as one without.
    let constraints =
        fetch::fact_if(wanted, &INDEX_CONSTRAINTS, fetch::rows(s, &INDEX_CONSTRAINTS, index::Constraint::decode));
    let ((mut tables, database_bytes), indexes, constraints) = tokio::join!(biased; tables, indexes, constraints);
    let mut indexes = index::add_constraints(indexes, constraints);
    let (mut size_estimates, mut comparison_selection) =
        (SizeEstimates::default(), comparisons::ComparisonSelection::default());
    if let (Fact::Known(tables), Fact::Known(indexes)) = (&mut tables, &mut indexes) {
        tables.sort_unstable_by(|a, b| (&a.table.schema, &a.table.table).cmp(&(&b.table.schema, &b.table.table)));
        indexes.sort_unstable_by_key(|index| index.oid);
        size_estimates = SizeEstimates::new(tables, indexes);
        if scope.facts.contains(FactGroup::IndexFacts) {
            comparison_selection = comparisons::ComparisonSelection::new(indexes);
        }
    }
    CollectedRelations { database_bytes, tables, indexes, size_estimates, comparison_selection }
}

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

/// Reads the facts in one round trip. Facts for comparisons follow when the pairs of indexes are known.
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
