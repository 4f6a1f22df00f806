//! `pgtend indexes verify`: what became of the indexes in written migrations.

use crate::{
    model::{Contents, Index, Snapshot, Table, Unavailable},
    render::{self, Cell, Column, Document, Tone},
    report::{Gaps, Report},
};
use serde::Serialize;
use std::collections::HashMap;

/// An index of a written migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub schema: String,
    pub table: String,
    pub index: String,
    /// Below the folder.
    pub files: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct VerifyReport {
    verification: Verification,
}

#[derive(Debug, Serialize)]
struct Verification {
    folder: String,
    indexes: Vec<Row>,
    /// Files that pgtend did not write.
    other_files: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    schema: String,
    table: String,
    index: String,
    /// Null when the indexes of the database could not be read.
    state: Option<State>,
    definition: Option<String>,
    files: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// There and in use: not yet dropped, or brought back.
    Exists,
    Gone,
    /// There, but no query may use it: a drop or a build was stopped half way.
    Invalid,
    /// Another relation has its name.
    NoIndex,
}

impl VerifyReport {
    pub fn of(
        snapshot: &Snapshot,
        contents: &Contents,
        folder: String,
        written: Vec<Written>,
        other_files: usize,
        gaps: &mut Gaps,
    ) -> VerifyReport {
        let fields = ["verification.indexes[].state", "verification.indexes[].definition"];
        let tables = gaps.take(&contents.tables, &fields);
        let indexes = gaps.take(&contents.indexes, &fields);
        let known = tables.zip(indexes).map(|(tables, indexes)| Known::of(tables, indexes));
        let rows: Vec<Row> = written.into_iter().map(|one| row(one, known.as_ref())).collect();
        let unread = rows
            .iter()
            .any(|row| row.definition.is_none() && matches!(row.state, Some(State::Exists | State::Invalid)));
        if unread {
            let why = match contents.definitions.as_result() {
                Err(why) => why.clone(),
                Ok(_) => {
                    Unavailable::because("index definitions", "read for the largest only, and for none under a lock")
                }
            };
            gaps.note(&why, &["verification.indexes[].definition"], Vec::new());
        }
        debug_assert!(snapshot.contents.iter().any(|one| one.database == contents.database));
        VerifyReport { verification: Verification { folder, indexes: rows, other_files } }
    }
}

/// What relations there are, by schema and name.
struct Known<'a> {
    indexes: HashMap<(&'a str, &'a str), &'a Index>,
    tables: HashMap<(&'a str, &'a str), &'a Table>,
}

impl<'a> Known<'a> {
    fn of(tables: &'a [Table], indexes: &'a [Index]) -> Known<'a> {
        let schema_of: HashMap<u32, &str> = tables.iter().map(|table| (table.oid, table.schema.as_str())).collect();
        Known {
            indexes: indexes
                .iter()
                .filter_map(|index| Some(((*schema_of.get(&index.table_oid)?, index.index.as_str()), index)))
                .collect(),
            tables: tables.iter().map(|table| ((table.schema.as_str(), table.table.as_str()), table)).collect(),
        }
    }
}

fn row(one: Written, known: Option<&Known<'_>>) -> Row {
    let name = (one.schema.as_str(), one.index.as_str());
    let index = known.and_then(|known| known.indexes.get(&name).copied());
    let state = known.map(|known| match index {
        Some(index) if index.is_valid => State::Exists,
        Some(_) => State::Invalid,
        None if known.tables.contains_key(&name) => State::NoIndex,
        None => State::Gone,
    });
    let definition = index.and_then(|index| index.definition.clone());
    Row { schema: one.schema, table: one.table, index: one.index, state, definition, files: one.files }
}

impl Report for VerifyReport {
    const COMMAND: &'static str = "indexes verify";

    fn document(&self) -> Document {
        let Verification { folder, indexes, other_files } = &self.verification;
        let mut document = Document::default();
        document.heading(format!("Indexes of the migrations in {folder}"));
        let table = render::Table::of(indexes)
            .column(Column::words("index", "index", 0), |row| Cell::name(&row.index))
            .column(Column::words("state", "state", 0), |row| {
                let (state, tone) = match row.state {
                    Some(State::Exists) => ("exists", Tone::Plain),
                    Some(State::Gone) => ("gone", Tone::Good),
                    Some(State::Invalid) => ("invalid", Tone::Bad),
                    Some(State::NoIndex) => ("no index", Tone::Bad),
                    None => ("?", Tone::Faint),
                };
                Cell::text(state).toned(tone)
            })
            .column(Column::words("table", "table", 1), |row| Cell::name(format!("{}.{}", row.schema, row.table)))
            .column(Column::words("files", "files", 2), |row| Cell::text(row.files.join(", ")));
        document.table(table).gap();
        let count = |state: State| indexes.iter().filter(|row| row.state == Some(state)).count();
        document.line(format!(
            "{} gone, {} there, {} invalid.",
            count(State::Gone),
            count(State::Exists),
            count(State::Invalid)
        ));
        if count(State::Invalid) > 0 {
            let text = "Invalid: a drop or a build was stopped half way. Run the same migration again, or bring the index \
                        back with REINDEX INDEX CONCURRENTLY.";
            document.toned_line(text, Tone::Bad);
        }
        if count(State::NoIndex) > 0 {
            let text = "No index: a table has the index's name, and the way back would skip it without a word.";
            document.toned_line(text, Tone::Bad);
        }
        if *other_files > 0 {
            let text = format!("{other_files} other files were not written by pgtend, and not read.");
            document.toned_line(text, Tone::Faint);
        }
        document
    }
}
