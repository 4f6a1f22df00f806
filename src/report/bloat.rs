//! Bloat in reports: measured, otherwise estimated, otherwise the reason why it is unknown.

use super::Gaps;
use crate::analysis::bloat::{Bloat, BloatSource, EstimateError, index_bloat, table_bloat};
use crate::facts::{DatabaseSnapshot, Index, Server, Table, Unavailable};
use crate::quote::{grant, quote_identifier};
use crate::render::{Cell, Value};
use std::collections::{BTreeMap, BTreeSet};

const FACT: &str = "bloat estimate";

/// Bloat of a row; `None` when it cannot have any.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowBloat(Result<Option<Bloat>, EstimateError>);

impl RowBloat {
    pub fn from_table(db: &DatabaseSnapshot, table: &Table) -> RowBloat {
        RowBloat(table_bloat(db, table))
    }

    pub fn from_index(db: &DatabaseSnapshot, index: &Index, table: &Table, version_num: u32) -> RowBloat {
        RowBloat(index_bloat(db, index, table, version_num))
    }

    /// Adds up parts. The sum is known when every part is.
    pub fn from_parts(mut parts: impl Iterator<Item = RowBloat>) -> RowBloat {
        let first = parts.next().map_or(Ok(None), |first| first.0);
        let add = |sum: Option<Bloat>, part: RowBloat| Ok(sum.zip(part.0?).map(|(sum, bloat)| sum.plus(bloat)));
        RowBloat(first.and_then(|first| parts.try_fold(first, add)))
    }

    pub fn bytes(self) -> Option<u64> {
        Some(self.0.ok()??.bytes)
    }

    pub fn source(self) -> Option<BloatSource> {
        Some(self.0.ok()??.source)
    }

    pub fn cell(self) -> Cell {
        match self.0 {
            Ok(Some(Bloat { bytes, source: BloatSource::Exact })) => Cell::bytes(bytes),
            Ok(Some(Bloat { bytes, source: BloatSource::Estimated })) => Cell::new(Value::EstimatedBytes(bytes)),
            Ok(None) => Cell::new(Value::None),
            Err(_) => Cell::new(Value::Unknown),
        }
    }
}

/// A row of a list, as input for the reasons why bloat is unknown.
pub(super) struct BloatRow<'a> {
    pub bloat: RowBloat,
    pub schema: &'a str,
    pub table: &'a str,
    /// Name of the relation in the report.
    pub name: &'a str,
    /// Whether the statistics are those of an expression index. Before 14, no GRANT makes them visible.
    pub is_expression: bool,
}

/// Notes why bloat is unknown for these rows of `list`.
pub(super) fn note_missing_bloat<'a>(
    list: &str,
    subjects: impl Iterator<Item = BloatRow<'a>>,
    unread: Option<&Unavailable>,
    server: &Server,
    gaps: &mut Gaps,
) {
    let mut by_reason: BTreeMap<(EstimateError, bool), Vec<BloatRow<'a>>> = BTreeMap::new();
    for subject in subjects {
        if let Err(why) = subject.bloat.0 {
            by_reason.entry((why, subject.is_expression)).or_default().push(subject);
        }
    }
    let fields = [format!("{list}[].bloat_bytes"), format!("{list}[].bloat_source")];
    let fields = fields.each_ref().map(String::as_str);
    for ((reason, is_expression), subjects) in by_reason {
        let names: Vec<String> =
            subjects.iter().map(|subject| format!("{}.{}", subject.schema, subject.name)).collect();
        let unavailable = |reason: &str| Unavailable::new(FACT, reason);
        let why = match reason {
            EstimateError::NotRead => match unread {
                Some(why) => why.for_fact(FACT),
                None => unavailable(&format!(
                    "statistics not read for {} of the {list} shown: they are read only for the largest",
                    names.len()
                ))
                .with_hint(Some("narrow the list with --schema or --table")),
            },
            EstimateError::NeverAnalyzed => unavailable("never analyzed").with_hint(Some("run ANALYZE")),
            EstimateError::NoSelect => {
                unavailable("permission denied for statistics of columns that the role cannot SELECT")
                    .with_hint(select_grant(&subjects, is_expression, server))
            }
            EstimateError::RowSecurity => unavailable("row-level security hides the statistics from this role")
                .with_hint(Some("connect as a role with BYPASSRLS")),
        };
        gaps.note(&why, &fields, if reason == EstimateError::NotRead { Vec::new() } else { names });
    }
}

fn select_grant(subjects: &[BloatRow<'_>], is_expression: bool, server: &Server) -> Option<String> {
    if server.version_num >= 140_000 {
        return Some(grant("pg_read_all_data", &server.role));
    }
    let tables: BTreeSet<String> = subjects
        .iter()
        .map(|subject| format!("{}.{}", quote_identifier(subject.schema), quote_identifier(subject.table)))
        .collect();
    let tables: Vec<String> = tables.into_iter().collect();
    (!is_expression).then(|| grant(&format!("SELECT ON {}", tables.join(", ")), &server.role))
}
