//! `pgtend indexes`: every index with its size, use and verdict.

pub mod describe;
mod document;
mod missing;
mod row;
mod sort;

pub use sort::IndexSort;

use super::{
    Gaps, Observation, View,
    bloat::{self, BloatRow, RowBloat},
};
use crate::analysis::IndexTrees;
use crate::analysis::index::{Gain, IndexAssessment, IndexVerdict, Verdict};
use crate::facts::history::HistoryView;
use crate::facts::{DatabaseSnapshot, OidMap, OidSet, Snapshot, StoredBytes, Table};
use row::Row;
use schemars::JsonSchema;
use serde::Serialize;

use missing::{MissingDefinitions, note_facts};

/// Report of `pgtend indexes`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IndexesReport<'a> {
    observation: OneOrMany,
    #[schemars(with = "Vec<row::Fields<'a>>")]
    indexes: Vec<Row<'a>>,
    #[serde(skip)]
    left_out: usize,
    /// Number of kept indexes that the view leaves out.
    #[serde(skip)]
    kept: usize,
    #[serde(skip)]
    selection: Selection,
    #[serde(skip)]
    bloat_was_measured: bool,
    /// Whether the indexes of at least one database could be read.
    #[serde(skip)]
    was_read: bool,
}

/// Gain of all drops of the whole list.
#[derive(Debug, Default)]
struct Selection {
    drops: usize,
    gain: Gain,
    reviews: usize,
}

/// Window of one database, or a list with `--all-databases`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(Option<Observation>),
    Many(Vec<Observation>),
}

impl<'a> IndexesReport<'a> {
    /// Builds the list. `assessments` has one assessment per database of the snapshot.
    pub fn new(
        snapshot: &'a Snapshot,
        assessments: &'a [IndexAssessment],
        history: &HistoryView,
        all_databases: bool,
        view: &View,
        sort: IndexSort,
        gaps: &mut Gaps,
    ) -> IndexesReport<'a> {
        let mut indexes = Vec::new();
        let mut tables_before = 0;
        let mut observations = Vec::new();
        let mut unread = MissingDefinitions::default();
        for db in &snapshot.database_snapshots {
            let assessment = assessments.iter().find(|assessment| assessment.database == db.database);
            let verdicts = assessment.map_or(&[][..], |assessment| &assessment.verdicts);
            indexes.extend(database_rows(
                db,
                verdicts,
                snapshot.server.version_num,
                tables_before,
                all_databases,
                gaps,
                &mut unread,
            ));
            tables_before += db.tables.known().map_or(0, |tables| tables.len() as u64);
            let minimum = assessment.map_or(0, |assessment| assessment.limits.min_observation_seconds);
            let index_history = history.index_history(&db.database);
            observations.push(Observation::new(snapshot, db, index_history, minimum, all_databases, gaps));
            note_facts(db, gaps);
        }
        for replica in &snapshot.replicas {
            if let Err(why) = replica.used.as_result() {
                gaps.note(why, &[], vec![replica.name.clone()]);
            }
        }
        gaps.get_or_note(&snapshot.walsenders, &[]);
        gaps.get_or_note(&snapshot.slots, &[]);
        let selection = Selection::new(&indexes);
        indexes.retain(|row| row.size.bytes >= view.min_size && view.matches(row.schema(), &row.table.table));
        let total = indexes.len();
        indexes.retain(|row| !view.only_candidates || row.is_candidate());
        let kept = total - indexes.len();
        sort.apply(&mut indexes);
        let left_out = view.cut(&mut indexes);
        unread.note_missing(&indexes, gaps);
        let subjects = indexes.iter().map(|row| BloatRow {
            bloat: row.bloat,
            schema: row.schema(),
            table: &row.table.table,
            name: &row.index.index,
            is_expression: row.index.is_expression,
        });
        let unread = snapshot.database_snapshots.iter().find_map(|contents| contents.index_keys.as_result().err());
        bloat::note_missing_bloat("indexes", subjects, unread, &snapshot.server, gaps);
        for whole in snapshot.database_snapshots.iter().filter_map(|contents| contents.btree_pages.as_ref()) {
            // The estimate replaces it, so no field is null.
            gaps.get_or_note(whole, &[]);
        }
        let bloat_was_measured = snapshot.database_snapshots.iter().any(|contents| contents.btree_pages.is_some());
        let observation =
            if all_databases { OneOrMany::Many(observations) } else { OneOrMany::One(observations.into_iter().next()) };
        let is_read =
            |contents: &DatabaseSnapshot| contents.tables.known().is_some() && contents.indexes.known().is_some();
        let was_read = snapshot.database_snapshots.iter().any(is_read);
        IndexesReport { observation, indexes, left_out, kept, selection, bloat_was_measured, was_read }
    }
}

impl Selection {
    fn new(rows: &[Row<'_>]) -> Selection {
        let mut selection = Selection::default();
        for row in rows {
            match row.assessment.verdict {
                Verdict::Drop => {
                    selection.drops += 1;
                    selection.gain.bytes += row.assessment.gain.bytes;
                    selection.gain.writes += row.assessment.gain.writes;
                }
                Verdict::Review => selection.reviews += 1,
                Verdict::Keep => {}
            }
        }
        selection
    }
}

/// Returns the rows of one database, which follow those of earlier databases.
fn database_rows<'a>(
    db: &'a DatabaseSnapshot,
    verdicts: &'a [IndexVerdict],
    version_num: u32,
    tables_before: u64,
    named_database: bool,
    gaps: &mut Gaps,
    missing: &mut MissingDefinitions,
) -> Vec<Row<'a>> {
    // The verdicts are in the order of the indexes.
    let mut verdicts = verdicts.iter().peekable();
    let tables = gaps.get_or_note(&db.tables, &["indexes"]).map_or(&[][..], Vec::as_slice);
    let indexes = gaps.get_or_note(&db.indexes, &["indexes"]).map_or(&[][..], Vec::as_slice);
    let last_scans = gaps.get_or_note(&db.last_idx_scans, &["indexes[].last_idx_scan"]);
    if let Err(why) = db.definitions.as_result() {
        missing.failed = Some(why.clone());
    }
    let locked: OidSet =
        db.locked_relations.known().map_or(OidSet::default(), |locked| locked.iter().map(|l| l.oid).collect());
    let mut by_name: Vec<&Table> = tables.iter().collect();
    by_name.sort_by_key(|table| (&table.schema, &table.table));
    let of_table: OidMap<(u64, &Table)> =
        (tables_before..).zip(by_name).map(|(rank, table)| (table.oid, (rank, table))).collect();
    let trees = IndexTrees::from_indexes(indexes);
    let counted = |value: i64| u64::try_from(value).unwrap_or(0);
    indexes
        .iter()
        .filter_map(|index| Some((index, verdicts.next_if(|verdict| verdict.oid == index.oid)?)))
        .filter_map(|(index, verdict)| Some((index, *of_table.get(&index.table_oid)?, verdict)))
        .filter(|(_, (_, table), _)| !table.is_catalog())
        .map(|(index, (table_rank, table), verdict)| {
            let family = || trees.family(index);
            let size = family().fold(StoredBytes::NONE, |sum, index| sum.plus(index.size));
            // A partitioned index consists of its children, and the table of a child may be a partition at any depth.
            let stored = family().filter(|index| !index.is_partitioned);
            let bloat = RowBloat::from_parts(stored.filter_map(|index| {
                Some(RowBloat::from_index(db, index, of_table.get(&index.table_oid)?.1, version_num))
            }));
            if locked.contains(&index.oid) || locked.contains(&index.table_oid) {
                missing.locked.insert(index.oid);
            }
            Row {
                database: named_database.then_some(db.database.as_str()),
                index,
                table,
                table_rank,
                assessment: verdict,
                size,
                bloat,
                idx_scan: family().map(|index| counted(index.idx_scan)).sum(),
                idx_tup_read: family().map(|index| counted(index.idx_tup_read)).sum(),
                idx_tup_fetch: family().map(|index| counted(index.idx_tup_fetch)).sum(),
                last_idx_scan: last_scans
                    .and_then(|scans| family().filter_map(|index| scans.get(&index.oid).copied()).max()),
                parent: trees.parent(index).map(|parent| parent.index.as_str()),
                partitions: index.is_partitioned.then(|| trees.count_descendants(index)),
            }
        })
        .collect()
}
