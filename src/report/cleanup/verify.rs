//! `pgtend indexes verify`: state of the indexes in written migrations.

use crate::facts::{DatabaseSnapshot, Index, Snapshot, Table, Unavailable};
use crate::render;
use crate::render::{Cell, Column, Document, Tone};
use crate::report::{Gaps, Report};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// An index of a written migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenIndex {
    /// Schema of the index.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Name of the index.
    pub index: String,
    /// Paths of the migrations relative to the folder.
    pub files: Vec<String>,
}

/// Report of `pgtend indexes verify`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerifyReport {
    verification: Verification,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Verification {
    folder: String,
    indexes: Vec<Row>,
    /// Number of files that pgtend did not write.
    other_files: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    schema: String,
    table: String,
    index: String,
    /// State; null when the indexes of the database could not be read.
    state: Option<IndexState>,
    definition: Option<String>,
    files: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum IndexState {
    /// It exists and is valid: not dropped yet, or created again.
    Exists,
    Gone,
    /// It exists and is invalid: a drop or a build was interrupted.
    Invalid,
    /// Another relation has its name.
    NoIndex,
}

impl VerifyReport {
    /// Finds the written indexes in the database. `other_files` is the number of files that pgtend did not write.
    pub fn new(
        snapshot: &Snapshot,
        db: &DatabaseSnapshot,
        folder: String,
        written: Vec<WrittenIndex>,
        other_files: usize,
        gaps: &mut Gaps,
    ) -> VerifyReport {
        let fields = ["verification.indexes[].state", "verification.indexes[].definition"];
        let tables = gaps.get_or_note(&db.tables, &fields);
        let indexes = gaps.get_or_note(&db.indexes, &fields);
        let known = tables.zip(indexes).map(|(tables, indexes)| KnownRelations::new(tables, indexes));
        let rows: Vec<Row> =
            written.into_iter().map(|written_index| verify_row(written_index, known.as_ref())).collect();
        let unread = rows
            .iter()
            .any(|row| row.definition.is_none() && matches!(row.state, Some(IndexState::Exists | IndexState::Invalid)));
        if unread {
            let why = match db.definitions.as_result() {
                Err(why) => why.clone(),
                Ok(_) => {
                    Unavailable::new("index definitions", "read for the largest indexes only, and not for locked ones")
                }
            };
            gaps.note(&why, &["verification.indexes[].definition"], Vec::new());
        }
        debug_assert!(
            snapshot.database_snapshots.iter().any(|database_snapshot| database_snapshot.database == db.database)
        );
        VerifyReport { verification: Verification { folder, indexes: rows, other_files } }
    }
}

/// Relations of the database by schema and name.
struct KnownRelations<'a> {
    indexes: HashMap<(&'a str, &'a str), &'a Index>,
    tables: HashMap<(&'a str, &'a str), &'a Table>,
}

impl<'a> KnownRelations<'a> {
    fn new(tables: &'a [Table], indexes: &'a [Index]) -> KnownRelations<'a> {
        let schema_of: HashMap<u32, &str> = tables.iter().map(|table| (table.oid, table.schema.as_str())).collect();
        KnownRelations {
            indexes: indexes
                .iter()
                .filter_map(|index| Some(((*schema_of.get(&index.table_oid)?, index.index.as_str()), index)))
                .collect(),
            tables: tables.iter().map(|table| ((table.schema.as_str(), table.table.as_str()), table)).collect(),
        }
    }
}

fn verify_row(written: WrittenIndex, known: Option<&KnownRelations<'_>>) -> Row {
    let name = (written.schema.as_str(), written.index.as_str());
    let index = known.and_then(|known| known.indexes.get(&name).copied());
    let state = known.map(|known| match index {
        Some(index) if index.is_valid => IndexState::Exists,
        Some(_) => IndexState::Invalid,
        None if known.tables.contains_key(&name) => IndexState::NoIndex,
        None => IndexState::Gone,
    });
    let definition = index.and_then(|index| index.definition.clone());
    Row { schema: written.schema, table: written.table, index: written.index, state, definition, files: written.files }
}

impl Report for VerifyReport {
    const COMMAND: &'static str = "indexes verify";

    fn document(&self) -> Document {
        let Verification { folder, indexes, other_files } = &self.verification;
        let mut document = Document::default();
        document.heading(format!("Indexes of the migrations in {folder}"));
        let table = render::Table::with_rows(indexes)
            .column(Column::text("index", "index", 0), |row| Cell::index(&row.schema, &row.index))
            .column(Column::text("state", "state", 0), |row| {
                let (state, tone) = match row.state {
                    Some(IndexState::Exists) => ("exists", Tone::Plain),
                    Some(IndexState::Gone) => ("gone", Tone::Good),
                    Some(IndexState::Invalid) => ("invalid", Tone::Bad),
                    Some(IndexState::NoIndex) => ("no index", Tone::Bad),
                    None => ("?", Tone::Faint),
                };
                Cell::text(state).with_tone(tone)
            })
            .column(Column::text("table", "table", 1), |row| Cell::relation(&row.schema, &row.table))
            .column(Column::text("files", "files", 2), |row| Cell::text(row.files.join(", ")));
        document.table(table).gap();
        let count = |state: IndexState| indexes.iter().filter(|row| row.state == Some(state)).count();
        document.line(format!(
            "{} gone, {} present, {} invalid.",
            count(IndexState::Gone),
            count(IndexState::Exists),
            count(IndexState::Invalid)
        ));
        if count(IndexState::Invalid) > 0 {
            let text = "Invalid: a drop or a build was interrupted. Run the same migration again, or restore the index \
                        with REINDEX INDEX CONCURRENTLY.";
            document.toned_line(text, Tone::Bad);
        }
        if count(IndexState::NoIndex) > 0 {
            let text = "No index: another relation has the index's name, so the rollback would not create the index.";
            document.toned_line(text, Tone::Bad);
        }
        if *other_files > 0 {
            let text = match other_files {
                1 => "1 other file was not written by pgtend.".to_owned(),
                count => format!("{count} other files were not written by pgtend."),
            };
            document.toned_line(text, Tone::Faint);
        }
        document
    }
}
