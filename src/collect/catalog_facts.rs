//! The first round trip into a database: all that costs no lock.

use super::{
    Scope, comparisons, database_size, dependencies, fetch, queries,
    relations::{SizeEstimates, TableRow, index, table},
    sequence_use,
};
use crate::facts::{Fact, FactGroup, Index, IndexFacts, LockedRelation, Obstacles, Sequences, StatisticsResets};
use crate::postgres::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the first round trip brings of a database.
pub struct CatalogFacts {
    /// `None` until it is asked.
    pub database_bytes: Option<Fact<u64>>,
    pub tables: Fact<Vec<TableRow>>,
    pub indexes: Fact<Vec<Index>>,
    pub last_idx_scans: Fact<BTreeMap<u32, Timestamp>>,
    pub sequences: Fact<Sequences>,
    pub sequence_use: Fact<sequence_use::ListedSequences>,
    pub locked_relations: Fact<Vec<LockedRelation>>,
    pub statistics_resets: Fact<StatisticsResets>,
    pub index_facts: IndexFacts,
    pub obstacles: Fact<Obstacles>,
    pub may_stat_files: Fact<bool>,
    /// What is to be measured.
    pub size_estimates: SizeEstimates,
    /// Which indexes are to be compared.
    pub comparison_selection: comparisons::ComparisonSelection,
}

#[derive(Deserialize)]
struct FileAccess {
    may_stat_files: bool,
}

/// Asks for them all at once.
pub async fn collect_catalog_facts(s: &Session, scope: &Scope) -> CatalogFacts {
    use queries::*;
    let wanted = scope.facts.contains(FactGroup::Relations);
    fetch::join_facts! {
        sequences = fetch::fact_if(wanted, &SEQUENCES, fetch::json_row(s, &SEQUENCES));
        sequence_use = fetch::fact_if(scope.facts.contains(FactGroup::Health), &SEQUENCE_USE, fetch::json_row(s, &SEQUENCE_USE));
        locked_relations = fetch::fact_if(wanted, &LOCKED_RELATIONS, fetch::rows(s, &LOCKED_RELATIONS, |row| {
            Ok(LockedRelation { oid: row.try_get::<_, i64>("oid")? as u32, granted: row.try_get("granted")? })
        }));
        statistics_resets = fetch::fact_if(wanted, &STATISTICS_RESETS, fetch::json_row(s, &STATISTICS_RESETS));
        file_access = fetch::fact_if(wanted, &FILE_ACCESS, fetch::json_row::<FileAccess>(s, &FILE_ACCESS));
        relations = Box::pin(collect_relations(s, scope));
        last_idx_scans = fetch::fact_if(wanted, &LAST_IDX_SCANS, fetch::rows(s, &LAST_IDX_SCANS, |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get("last_idx_scan")?))
        }));
        index_facts = Box::pin(dependencies::collect_index_facts(s, scope));
        obstacles = fetch::fact_if(scope.facts.contains(FactGroup::CopySize), &COPY_OBSTACLES, fetch::json_row(s, &COPY_OBSTACLES));
    }
    let CollectedRelations { database_bytes, tables, indexes, size_estimates: doubts, comparison_selection: compared } =
        relations;
    CatalogFacts {
        database_bytes,
        tables,
        indexes,
        last_idx_scans: last_idx_scans.map(|scans| scans.into_iter().collect()),
        sequences,
        sequence_use,
        locked_relations,
        statistics_resets,
        index_facts,
        obstacles,
        may_stat_files: file_access.map(|access| access.may_stat_files),
        size_estimates: doubts,
        comparison_selection: compared,
    }
}

/// The relations, and what follows from them alone.
struct CollectedRelations {
    database_bytes: Option<Fact<u64>>,
    tables: Fact<Vec<TableRow>>,
    indexes: Fact<Vec<Index>>,
    size_estimates: SizeEstimates,
    comparison_selection: comparisons::ComparisonSelection,
}

/// Asks for them; puts them in order while the server answers what else it was asked.
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
    // After the indexes, so that one whose constraint is just being made is not taken for one without.
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
