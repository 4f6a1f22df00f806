//! `pgtend indexes`: every index with its size, its use and whether it may go.

use super::{
    Gaps, Observation, Report, View,
    bloat::{self, Judged, Subject},
    index_words::{brief, words},
};
use crate::{
    model::{
        BloatSource, Confidence, ConstraintKind, Contents, Gain, Index, IndexFinding, IndexJudgement, IndexVerdict,
        Reason, SizeSource, Snapshot, StoredBytes, Table, Tree, Unavailable, Verdict, past::Memory,
    },
    render::{self, Cell, Column, Document, Tone, Value, human_bytes, human_count, human_duration},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum IndexSort {
    /// What may go first, by what that gains
    #[default]
    Gain,
    Size,
    Bloat,
    Scans,
    LastScan,
    Table,
    Name,
}

#[derive(Debug, Serialize)]
pub struct IndexesReport<'a> {
    observation: OneOrMany,
    indexes: Vec<Row<'a>>,
    #[serde(skip)]
    left_out: usize,
    #[serde(skip)]
    selection: Selection,
    #[serde(skip)]
    bloat_was_measured: bool,
}

/// What all drops of the whole list would gain.
#[derive(Debug, Default)]
struct Selection {
    drops: usize,
    gain: Gain,
    reviews: usize,
}

/// For how many indexes people are told in full sentences why.
const MOST_EXPLAINED: usize = 12;

/// One database's window, or with `--all-databases` a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Option<Observation>),
    Many(Vec<Observation>),
}

/// One index; the index of a partitioned table carries the sums of its children.
#[derive(Debug, Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'a str>,
    schema: &'a str,
    table: &'a str,
    index: &'a str,
    size_bytes: u64,
    size_source: SizeSource,
    /// What it takes beyond what it would take built anew. Estimated for B-trees of one column only: null for others.
    bloat_bytes: Option<u64>,
    bloat_source: Option<BloatSource>,
    #[serde(skip)]
    bloat: Judged,
    idx_scan: u64,
    idx_tup_read: u64,
    idx_tup_fetch: u64,
    last_idx_scan: Option<Timestamp>,
    verdict: Verdict,
    confidence: Confidence,
    findings: &'a [IndexFinding],
    reasons: Vec<Why<'a>>,
    /// Indexes of the same table that would do its work.
    covered_by: &'a [String],
    gain: Gain,
    #[serde(skip)]
    worth: f64,
    method: &'a str,
    /// Names of the key columns in order, null for an expression.
    key_columns: Option<&'a [Option<String>]>,
    include_columns: Option<&'a [Option<String>]>,
    is_unique: bool,
    is_primary: bool,
    is_valid: bool,
    is_ready: bool,
    is_partial: bool,
    is_expression: bool,
    is_partitioned: bool,
    is_replica_identity: bool,
    is_clustered: bool,
    /// The partitioned index it is attached to.
    parent: Option<&'a str>,
    /// Of a partitioned index: children at any depth.
    partitions: Option<usize>,
    constraint: Option<ConstraintKind>,
    constraint_name: Option<&'a str>,
    extension: Option<&'a str>,
    tablespace: Option<&'a str>,
    definition: Option<&'a str>,
}

/// A reason with its figures, and in words.
#[derive(Debug, Serialize)]
struct Why<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    message: String,
}

impl<'a> IndexesReport<'a> {
    /// `judged` holds a judgement for each database of the snapshot.
    pub fn of(
        snapshot: &'a Snapshot,
        judged: &'a [IndexJudgement],
        memory: &Memory,
        all_databases: bool,
        view: &View,
        sort: IndexSort,
        gaps: &mut Gaps,
    ) -> IndexesReport<'a> {
        let mut indexes = Vec::new();
        let mut observations = Vec::new();
        let mut unread = Unread::default();
        for contents in &snapshot.contents {
            let judgement = judged.iter().find(|judgement| judgement.database == contents.database);
            let verdicts = judgement.map_or(&[][..], |judgement| &judgement.verdicts);
            indexes.extend(rows(contents, verdicts, all_databases, gaps, &mut unread));
            let minimum = judgement.map_or(0, |judgement| judgement.limits.min_observation_seconds);
            observations.push(Observation::of(
                snapshot,
                contents,
                memory.indexes_of(&contents.database),
                minimum,
                gaps,
            ));
            note_unread(contents, gaps);
        }
        for replica in &snapshot.replicas {
            if let Err(why) = replica.used.as_result() {
                gaps.note(why, &[], vec![replica.name.clone()]);
            }
        }
        gaps.take(&snapshot.walsenders, &[]);
        gaps.take(&snapshot.slots, &[]);
        let mut selection = Selection::default();
        for row in &indexes {
            match row.verdict {
                Verdict::Drop => {
                    selection.drops += 1;
                    selection.gain.bytes += row.gain.bytes;
                    selection.gain.writes += row.gain.writes;
                }
                Verdict::Review => selection.reviews += 1,
                Verdict::Keep => {}
            }
        }
        indexes.retain(|row| row.size_bytes >= view.min_size && view.matches(row.schema, row.table));
        indexes.sort_by(|a, b| {
            let order = match sort {
                IndexSort::Gain => b.verdict.cmp(&a.verdict).then(b.worth.total_cmp(&a.worth)),
                IndexSort::Size => b.size_bytes.cmp(&a.size_bytes),
                IndexSort::Bloat => b.bloat_bytes.cmp(&a.bloat_bytes),
                IndexSort::Scans => a.idx_scan.cmp(&b.idx_scan).then(b.size_bytes.cmp(&a.size_bytes)),
                IndexSort::LastScan => a.last_idx_scan.cmp(&b.last_idx_scan).then(b.size_bytes.cmp(&a.size_bytes)),
                IndexSort::Table => (&a.schema, &a.table).cmp(&(&b.schema, &b.table)),
                IndexSort::Name => std::cmp::Ordering::Equal,
            };
            order.then_with(|| (&a.database, &a.schema, &a.index).cmp(&(&b.database, &b.schema, &b.index)))
        });
        let left_out = view.cut(&mut indexes);
        unread.note(&indexes, gaps);
        let subjects = indexes.iter().map(|row| Subject {
            bloat: row.bloat,
            name: format!("{}.{}", row.schema, row.index),
            schema: row.schema,
            table: row.table,
            is_expression: row.is_expression,
        });
        let unread = snapshot.contents.iter().find_map(|contents| contents.index_keys.as_result().err());
        bloat::note("indexes", subjects, unread, &snapshot.server, gaps);
        for whole in snapshot.contents.iter().filter_map(|contents| contents.btree_pages.as_ref()) {
            // The estimate stands in for it, so that no field need be null.
            gaps.take(whole, &[]);
        }
        let bloat_was_measured = snapshot.contents.iter().any(|contents| contents.btree_pages.is_some());
        let observation =
            if all_databases { OneOrMany::Many(observations) } else { OneOrMany::One(observations.into_iter().next()) };
        IndexesReport { observation, indexes, left_out, selection, bloat_was_measured }
    }
}

/// Names the facts on which verdicts rest and that are missing; the verdicts themselves are capped, none is null.
fn note_unread(contents: &Contents, gaps: &mut Gaps) {
    let facts = &contents.index_facts;
    let mut note = |missing: Option<&Unavailable>| {
        if let Some(why) = missing.filter(|why| why.needs_version.is_none()) {
            gaps.note(why, &[], Vec::new());
        }
    };
    note(facts.keys.as_result().err());
    note(facts.operator_classes.as_result().err());
    note(facts.nulls_not_distinct.as_result().err());
    note(facts.foreign_keys.as_result().err());
    note(facts.dependents.as_result().err());
    note(facts.builds.as_result().err());
    note(facts.uncounted_roles.as_result().err());
    note(facts.texts.as_result().err());
    note(facts.correlations.as_result().err());
}

/// Why definitions or column names are missing.
#[derive(Default)]
struct Unread<'a> {
    locked: HashSet<(&'a str, &'a str)>,
    failed: Option<Unavailable>,
}

impl Unread<'_> {
    fn note(&self, shown: &[Row<'_>], gaps: &mut Gaps) {
        let unread = shown.iter().filter(|row| row.definition.is_none() || row.key_columns.is_none());
        let (locked, unasked): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
            unread.partition(|row| self.locked.contains(&(row.schema, row.index)));
        let names = |rows: &[&Row<'_>]| rows.iter().map(|row| format!("{}.{}", row.schema, row.index)).collect();
        if !locked.is_empty() {
            let reason = "an ACCESS EXCLUSIVE lock is held or awaited on the index or its table";
            let hint = Some("look again when the lock is gone");
            let why = Unavailable::because("index definitions", reason).with_hint(hint);
            gaps.note(&why, &missing_fields(&locked), names(&locked));
        }
        if !unasked.is_empty() {
            let why = self.failed.clone().unwrap_or_else(|| {
                let reason =
                    format!("not read for {} of the indexes shown: only the largest are asked for", unasked.len());
                let hint = Some("narrow the list with --schema, --table or --limit");
                Unavailable::because("index definitions", reason).with_hint(hint)
            });
            gaps.note(&why, &missing_fields(&unasked), Vec::new());
        }
    }
}

/// Definitions and column names are read apart; either may be missing alone.
fn missing_fields(rows: &[&Row<'_>]) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if rows.iter().any(|row| row.definition.is_none()) {
        fields.push("indexes[].definition");
    }
    if rows.iter().any(|row| row.key_columns.is_none()) {
        fields.extend(["indexes[].key_columns", "indexes[].include_columns"]);
    }
    fields
}

fn rows<'a>(
    contents: &'a Contents,
    verdicts: &'a [IndexVerdict],
    named_database: bool,
    gaps: &mut Gaps,
    unread: &mut Unread<'a>,
) -> Vec<Row<'a>> {
    let verdict_on: HashMap<u32, &IndexVerdict> = verdicts.iter().map(|verdict| (verdict.oid, verdict)).collect();
    let tables = gaps.take(&contents.tables, &["indexes"]).map_or(&[][..], Vec::as_slice);
    let indexes = gaps.take(&contents.indexes, &["indexes"]).map_or(&[][..], Vec::as_slice);
    let last_scans = gaps.take(&contents.last_idx_scans, &["indexes[].last_idx_scan"]);
    if let Err(why) = contents.definitions.as_result() {
        unread.failed = Some(why.clone());
    }
    let locked: HashSet<u32> =
        contents.locked_relations.known().map_or(HashSet::new(), |locked| locked.iter().map(|l| l.oid).collect());
    let of_table: HashMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
    let by_oid: HashMap<u32, &Index> = indexes.iter().map(|index| (index.oid, index)).collect();
    let tree = Tree::of(indexes.iter().map(|index| (index.oid, index.parent_oid)));
    let counted = |value: i64| u64::try_from(value).unwrap_or(0);
    indexes
        .iter()
        .filter_map(|index| Some((index, *of_table.get(&index.table_oid)?, *verdict_on.get(&index.oid)?)))
        .filter(|(_, table, _)| !table.is_catalog())
        .map(|(index, table, judged)| {
            let below = tree.below(index.oid);
            let family = || std::iter::once(index).chain(below.iter().filter_map(|oid| by_oid.get(oid).copied()));
            let size = family().fold(StoredBytes::NONE, |sum, one| sum.plus(one.size));
            // A partitioned index is its children; a child's table may be a partition at any depth.
            let stored = family().filter(|one| !one.is_partitioned);
            let bloat =
                Judged::sum(stored.filter_map(|one| Some(Judged::index(contents, one, of_table.get(&one.table_oid)?))));
            let columns = index.column_names.as_ref().map(|names| {
                let keys = names.len().min(index.key_columns_count as usize);
                names.split_at(keys)
            });
            if locked.contains(&index.oid) || locked.contains(&index.table_oid) {
                unread.locked.insert((&table.schema, &index.index));
            }
            let (key_columns, include_columns) = columns.unzip();
            Row {
                database: named_database.then_some(contents.database.as_str()),
                schema: &table.schema,
                table: &table.table,
                index: &index.index,
                size_bytes: size.bytes,
                size_source: size.source,
                bloat_bytes: bloat.bytes(),
                bloat_source: bloat.source(),
                bloat,
                idx_scan: family().map(|one| counted(one.idx_scan)).sum(),
                idx_tup_read: family().map(|one| counted(one.idx_tup_read)).sum(),
                idx_tup_fetch: family().map(|one| counted(one.idx_tup_fetch)).sum(),
                last_idx_scan: last_scans
                    .and_then(|scans| family().filter_map(|one| scans.get(&one.oid).copied()).max()),
                verdict: judged.verdict,
                confidence: judged.confidence,
                findings: &judged.findings,
                reasons: judged.reasons.iter().map(|reason| Why { reason, message: words(reason) }).collect(),
                covered_by: &judged.covered_by,
                gain: judged.gain,
                worth: judged.worth,
                method: &index.method,
                key_columns,
                include_columns,
                is_unique: index.is_unique,
                is_primary: index.is_primary,
                is_valid: index.is_valid,
                is_ready: index.is_ready,
                is_partial: index.is_partial,
                is_expression: index.is_expression,
                is_partitioned: index.is_partitioned,
                is_replica_identity: index.is_replica_identity,
                is_clustered: index.is_clustered,
                parent: index.parent_oid.and_then(|oid| by_oid.get(&oid)).map(|parent| parent.index.as_str()),
                partitions: index.is_partitioned.then_some(below.len()),
                constraint: index.constraint,
                constraint_name: index.constraint_name.as_deref(),
                extension: table.extension.as_deref(),
                tablespace: index.tablespace.as_deref(),
                definition: index.definition.as_deref(),
            }
        })
        .collect()
}

impl Row<'_> {
    fn kind(&self) -> String {
        let mut words = vec![match (self.constraint, self.is_unique) {
            (Some(ConstraintKind::PrimaryKey), _) => "primary key",
            (Some(ConstraintKind::Exclusion), _) => "exclusion",
            (Some(ConstraintKind::Unique), _) => "unique constraint",
            (None, true) => "unique",
            (None, false) => "",
        }];
        if self.method != "btree" {
            words.push(self.method);
        }
        for (holds, word) in [
            (self.is_partial, "partial"),
            (self.is_expression, "expression"),
            (self.is_partitioned, "partitioned"),
            (self.is_replica_identity, "replica identity"),
        ] {
            if holds {
                words.push(word);
            }
        }
        words.retain(|word| !word.is_empty());
        words.join(", ")
    }

    /// The reason that counts most; of a candidate that stays for now also what stands in its way.
    fn why(&self) -> String {
        let first = self.reasons.first().map(|why| brief(why.reason)).unwrap_or_default();
        let candidate = self.verdict == Verdict::Review || (self.verdict == Verdict::Keep && first == "never scanned");
        let second = self.reasons.iter().map(|why| brief(why.reason)).find(|word| *word != first);
        let second = second.filter(|_| candidate).map(|word| format!(", {word}")).unwrap_or_default();
        format!("{first}{second}")
    }

    fn verdict_cell(&self) -> Cell {
        let tone = match self.verdict {
            Verdict::Drop => Tone::Good,
            Verdict::Review => Tone::Warning,
            Verdict::Keep => Tone::Faint,
        };
        Cell::text(self.verdict.name()).toned(tone)
    }

    /// Columns as people write them: `(a, b) include (c)`.
    fn columns(&self) -> Cell {
        let list = |names: &[Option<String>]| {
            names.iter().map(|name| name.as_deref().unwrap_or("expression")).collect::<Vec<_>>().join(", ")
        };
        Cell::or_unknown(self.key_columns.as_ref(), |keys| {
            let included = self.include_columns.filter(|names| !names.is_empty());
            let included = included.map(|names| format!(" include ({})", list(names))).unwrap_or_default();
            Value::Name(format!("{}{included}", list(keys)))
        })
    }
}

impl Report for IndexesReport<'_> {
    const COMMAND: &'static str = "indexes";

    fn document(&self) -> Document {
        let many = matches!(self.observation, OneOrMany::Many(_));
        let rows = self.indexes.iter().map(|row| {
            let table = format!("{}.{}", row.schema, row.table);
            let mut cells = vec![Cell::name(row.index)];
            if many {
                cells.push(Cell::or_none(row.database.map(str::to_owned), Value::Name));
            }
            cells.extend([
                Cell::stored(StoredBytes { bytes: row.size_bytes, source: row.size_source }),
                row.bloat.cell(),
                Cell::count(row.idx_scan),
                row.verdict_cell(),
                Cell::text(row.why()).toned(if row.is_valid { Tone::Plain } else { Tone::Bad }),
                Cell::name(table),
                Cell::count(row.gain.writes),
                Cell::text(row.kind()),
                row.columns(),
                Cell::or_none(row.last_idx_scan, Value::Time),
                Cell::or_unknown(row.definition.map(str::to_owned), Value::Text),
            ]);
            cells
        });
        let mut columns = vec![Column::words("index", "index", 0)];
        if many {
            columns.push(Column::words("database", "database", 0));
        }
        columns.extend([
            Column::numbers("size_bytes", "size", 0),
            Column::numbers("bloat_bytes", "bloat", 4),
            Column::numbers("idx_scan", "scans", 0),
            Column::words("verdict", "verdict", 0),
            Column::words("why", "why", 0),
            Column::words("table", "table", 1),
            Column::numbers("writes", "writes", 2),
            Column::words("kind", "kind", 2),
            Column::words("key_columns", "columns", 3),
            Column::words("last_idx_scan", "last scan", 4),
            Column::words("definition", "definition", 9),
        ]);
        let mut document = Document::default();
        document.table(render::Table { columns, rows: rows.collect(), left_out: self.left_out }).gap();
        let candidates: Vec<&Row<'_>> = self.indexes.iter().filter(|row| row.verdict > Verdict::Keep).collect();
        if !candidates.is_empty() {
            document.heading("Why");
            for row in candidates.iter().take(MOST_EXPLAINED) {
                let reasons: Vec<&str> = row.reasons.iter().map(|why| why.message.as_str()).collect();
                let text = format!("{} {}.{}: {}", row.verdict.name(), row.schema, row.index, reasons.join("; "));
                document.line(text);
            }
            if candidates.len() > MOST_EXPLAINED {
                let text = format!("… and {} more (--format json has all)", candidates.len() - MOST_EXPLAINED);
                document.toned_line(text, Tone::Faint);
            }
            document.gap();
        }
        let windows: Vec<&Observation> = match &self.observation {
            OneOrMany::One(one) => one.iter().collect(),
            OneOrMany::Many(many) => many.iter().collect(),
        };
        for window in windows {
            document.line(match window.since {
                Some(since) => format!(
                    "Scans of {} counted since {} ({}; a drop that rests on counters wants {}).",
                    window.database,
                    since.strftime("%Y-%m-%d %H:%MZ"),
                    human_duration(window.seconds.unwrap_or(0)),
                    human_duration(window.minimum_seconds)
                ),
                None => format!("Since when the scans of {} count is not known.", window.database),
            });
        }
        if self.indexes.iter().any(|row| row.bloat_source == Some(BloatSource::Estimated)) {
            document.line(if self.bloat_was_measured {
                "Bloat marked ~ was not measured: only the largest indexes are read whole, and none under a lock."
            } else {
                "Bloat is an estimate by the statistics of the last ANALYZE, for B-trees of one column; --exact-bloat \
                 reads the indexes."
            });
        }
        let Selection { drops, gain, reviews } = &self.selection;
        let indexes = |count: usize| format!("{count} {}", if count == 1 { "index" } else { "indexes" });
        document.line(match drops {
            0 => format!("Nothing may be dropped on this evidence; {} for review.", indexes(*reviews)),
            drops => format!(
                "{} may be dropped together: {}, and {} rows that need not be written into them; {} for review.",
                indexes(*drops),
                human_bytes(gain.bytes),
                human_count(gain.writes),
                indexes(*reviews)
            ),
        });
        document
    }
}
