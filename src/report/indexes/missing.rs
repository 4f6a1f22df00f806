//! Facts that the list lacks, and why.

use super::{super::Gaps, row::Row};
use crate::facts::{DatabaseSnapshot, OidSet, Unavailable};

/// Notes missing facts that verdicts depend on. They limit the verdicts; no field is null because of them.
pub(super) fn note_facts(db: &DatabaseSnapshot, gaps: &mut Gaps) {
    let facts = &db.index_facts;
    let mut note = |missing: Option<&Unavailable>| {
        if let Some(why) = missing.filter(|why| why.needs_version.is_none()) {
            gaps.note(why, &[], Vec::new());
        }
    };
    note(facts.keys.as_result().err());
    note(facts.operator_classes.as_result().err());
    note(facts.foreign_keys.as_result().err());
    note(facts.dependents.as_result().err());
    note(facts.builds.as_result().err());
    note(facts.uncounted_roles.as_result().err());
    note(facts.texts.as_result().err());
    note(facts.correlations.as_result().err());
}

/// Why definitions or column names are missing.
#[derive(Default)]
pub(super) struct MissingDefinitions {
    /// OIDs of indexes that are locked, or that belong to a locked table.
    pub locked: OidSet,
    pub failed: Option<Unavailable>,
}

impl MissingDefinitions {
    pub fn note_missing(&self, shown: &[Row<'_>], gaps: &mut Gaps) {
        let is_whole = |row: &Row<'_>| row.index.definition.is_some() && row.index.column_names.is_some();
        let unread = shown.iter().filter(|row| !is_whole(row));
        let (locked, unasked): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
            unread.partition(|row| self.locked.contains(&row.index.oid));
        let names = |rows: &[&Row<'_>]| rows.iter().map(|row| row.name()).collect();
        if !locked.is_empty() {
            let reason = "the index or its table has an ACCESS EXCLUSIVE lock, held or requested";
            let hint = Some("repeat the command when the lock is released");
            let why = Unavailable::new("index definitions", reason).with_hint(hint);
            gaps.note(&why, &missing_fields(&locked), names(&locked));
        }
        if !unasked.is_empty() {
            let why = self.failed.clone().unwrap_or_else(|| {
                let reason =
                    format!("not read for {} of the indexes shown: only those of the largest are read", unasked.len());
                let hint = Some("narrow the list with --schema, --table or --limit");
                Unavailable::new("index definitions", reason).with_hint(hint)
            });
            gaps.note(&why, &missing_fields(&unasked), Vec::new());
        }
    }
}

/// Definitions and column names are read separately. Either may be missing.
fn missing_fields(rows: &[&Row<'_>]) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if rows.iter().any(|row| row.index.definition.is_none()) {
        fields.push("indexes[].definition");
    }
    if rows.iter().any(|row| row.index.column_names.is_none()) {
        fields.extend(["indexes[].key_columns", "indexes[].include_columns"]);
    }
    fields
}
