//! Facts of one database after the first round trip: measured sizes, and definitions that reports show.

use super::{
    Scope, bloat,
    catalog_facts::CatalogFacts,
    copy_size, definitions,
    measure::{SizeMeasurement, fetch_sizes},
    queries, sequence_use,
};
use crate::facts::{DatabaseSnapshot, Fact, FactGroup};
use crate::postgres::{Session, SessionError};

/// Measures relations and reads the definitions that reports show, in two round trips. More are needed only if one
/// server process would have to measure too many relations.
pub async fn collect_database(
    session: &Session,
    scope: &Scope,
    database: String,
    mut facts: CatalogFacts,
) -> Result<DatabaseSnapshot, SessionError> {
    let mut exact_sizes = Fact::not_requested("relation sizes");
    let mut read_definitions = Fact::not_requested("index definitions");
    let mut statistics = bloat::BloatStatistics::default();
    let mut counted = bloat::FullScanCounts::default();
    let mut index_shapes = Fact::not_requested(queries::INDEX_SHAPES.fact);
    let mut toast_samples = Fact::not_requested(queries::TOAST_SAMPLES.fact);
    let mut sequence_values = Vec::new();
    if scope.facts.contains(FactGroup::Relations) {
        let measurement = SizeMeasurement::start(session, scope, &mut facts).await?;
        let oids = measurement.as_ref().map_or(Vec::new(), SizeMeasurement::next_oids);
        let size_query = measurement.as_ref().map_or(&queries::RELATION_SIZES, SizeMeasurement::query);
        let definition_selection = definitions::select_indexes(scope, &facts);
        let bloat_selection = bloat::BloatSelection::new(scope, &facts);
        let copy_size_selection = copy_size::CopySizeSelection::new(scope, &facts);
        let comparison_selection = std::mem::take(&mut facts.comparison_selection);
        let sequence_batches = sequence_use::readable_batches(&facts.sequence_use);
        let queries = async {
            tokio::join!(biased;
                fetch_sizes(session, size_query, &oids),
                definitions::fetch_definitions(session, definition_selection.known()),
                bloat_selection.fetch_statistics(session),
                Box::pin(copy_size_selection.fetch_statistics(session)),
                Box::pin(comparison_selection.fetch_rows(session)),
                Box::pin(sequence_use::fetch_values(session, sequence_batches.first().map_or(&[], Vec::as_slice))),
            )
        };
        // Without anything to read, no round trip is needed.
        let nothing_to_read = matches!(definition_selection, Fact::Unavailable(_))
            && oids.is_empty()
            && bloat_selection.is_empty()
            && copy_size_selection.is_empty()
            && comparison_selection.is_empty()
            && sequence_batches.is_empty();
        let (measured_sizes, definitions, read, copy_size_statistics, comparisons, values) =
            if nothing_to_read { queries.await } else { session.run_round(queries).await? };
        sequence_values.push(values);
        for share in sequence_batches.iter().skip(1) {
            sequence_values.push(session.run_round(Box::pin(sequence_use::fetch_values(session, share))).await?);
        }
        statistics = read;
        if scope.facts.contains(FactGroup::CopySize) {
            (statistics.table_columns, index_shapes) =
                (copy_size_statistics.table_columns, copy_size_statistics.index_shapes);
        }
        if scope.facts.contains(FactGroup::IndexFacts) {
            comparisons.add_to(&mut facts.index_facts);
        }
        exact_sizes = match measurement {
            Ok(mut measuring) => {
                measuring.add_sizes(measured_sizes);
                measuring.measure_rest(session, scope, &mut facts).await
            }
            Err(why) => why,
        };
        read_definitions = match definition_selection {
            Fact::Known(wanted) => definitions::add_definitions(session, wanted, definitions, &mut facts),
            Fact::Unavailable(why) => Fact::Unavailable(why),
        };
        counted = bloat::scan_whole_relations(session, scope, &facts).await?;
        toast_samples = Box::pin(copy_size_selection.sample_toast(session)).await?;
    }
    Ok(DatabaseSnapshot {
        database,
        database_bytes: facts.database_bytes.unwrap_or_else(|| Fact::not_requested(queries::DATABASE_SIZE.fact)),
        tables: facts.tables.map(|rows| {
            let mut tables: Vec<_> = rows.into_iter().map(|row| row.table).collect();
            tables.shrink_to_fit();
            tables
        }),
        indexes: facts.indexes,
        last_idx_scans: facts.last_idx_scans,
        index_resets: facts.index_resets,
        sequences: facts.sequences,
        sequence_use: sequence_use::merge_values(facts.sequence_use, sequence_values),
        autovacuum_scores: facts.autovacuum_scores,
        locked_relations: facts.locked_relations,
        statistics_resets: facts.statistics_resets,
        exact_sizes,
        definitions: read_definitions,
        index_facts: facts.index_facts,
        table_columns: statistics.table_columns,
        index_keys: statistics.index_keys,
        heap_tuples: counted.heap_tuples,
        btree_pages: counted.btree_pages,
        index_shapes,
        obstacles: facts.obstacles,
        post_update: facts.post_update,
        toast_samples,
    })
}
