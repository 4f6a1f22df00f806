//! One row of the list: an index with its table and its verdict.

use super::{
    super::bloat::RowBloat,
    describe::{BLOATED, NO_SCANS, describe_index_reason, short_reason},
};
use crate::analysis::bloat::BloatSource;
use crate::analysis::index::{Confidence, Gain, IndexFinding, IndexVerdict, Reason, Verdict};
use crate::facts::{ConstraintKind, Index, SizeSource, StoredBytes, Table};
use crate::render::{Cell, Tone, Value};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// One index. That of a partitioned table has the sums of its children. It borrows from the snapshot, because there may
/// be a hundred thousand.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Only with `--all-databases`.
    pub database: Option<&'a str>,
    pub index: &'a Index,
    pub table: &'a Table,
    /// Position of its table among all tables by database, schema and name.
    pub table_rank: u64,
    pub assessment: &'a IndexVerdict,
    pub size: StoredBytes,
    /// Difference from the size of a rebuilt index.
    pub bloat: RowBloat,
    pub idx_scan: u64,
    pub idx_tup_read: u64,
    pub idx_tup_fetch: u64,
    pub last_idx_scan: Option<Timestamp>,
    /// The partitioned index that it is attached to.
    pub parent: Option<&'a str>,
    /// Number of children at any depth, for a partitioned index.
    pub partitions: Option<usize>,
}

/// The row as JSON.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IndexRow")]
pub(super) struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'a str>,
    schema: &'a str,
    table: &'a str,
    index: &'a str,
    size_bytes: u64,
    size_source: SizeSource,
    bloat_bytes: Option<u64>,
    bloat_source: Option<BloatSource>,
    idx_scan: u64,
    idx_tup_read: u64,
    idx_tup_fetch: u64,
    last_idx_scan: Option<Timestamp>,
    verdict: Verdict,
    confidence: Confidence,
    findings: &'a [IndexFinding],
    #[schemars(with = "Vec<Why<'a>>")]
    reasons: Reasons<'a>,
    /// Names of indexes of the same table that can replace it.
    covered_by: &'a [String],
    gain: Gain,
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
    parent: Option<&'a str>,
    partitions: Option<usize>,
    constraint: Option<ConstraintKind>,
    constraint_name: Option<&'a str>,
    extension: Option<&'a str>,
    tablespace: Option<&'a str>,
    definition: Option<&'a str>,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { index, table, assessment, .. } = self;
        Fields {
            database: self.database,
            schema: &table.schema,
            table: &table.table,
            index: &index.index,
            size_bytes: self.size.bytes,
            size_source: self.size.source,
            bloat_bytes: self.bloat.bytes(),
            bloat_source: self.bloat.source(),
            idx_scan: self.idx_scan,
            idx_tup_read: self.idx_tup_read,
            idx_tup_fetch: self.idx_tup_fetch,
            last_idx_scan: self.last_idx_scan,
            verdict: assessment.verdict,
            confidence: assessment.confidence,
            findings: &assessment.findings,
            reasons: Reasons(&assessment.reasons),
            covered_by: &assessment.covered_by,
            gain: assessment.gain,
            method: &index.method,
            key_columns: self.key_columns(),
            include_columns: self.include_columns(),
            is_unique: index.is_unique,
            is_primary: index.is_primary,
            is_valid: index.is_valid,
            is_ready: index.is_ready,
            is_partial: index.is_partial,
            is_expression: index.is_expression,
            is_partitioned: index.is_partitioned,
            is_replica_identity: index.is_replica_identity,
            is_clustered: index.is_clustered,
            parent: self.parent,
            partitions: self.partitions,
            constraint: index.constraint,
            constraint_name: index.constraint_name.as_deref(),
            extension: table.extension.as_deref(),
            tablespace: index.tablespace.as_deref(),
            definition: index.definition.as_deref(),
        }
        .serialize(serializer)
    }
}

/// Reasons with their figures, each with its text.
struct Reasons<'a>(&'a [Reason]);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IndexReason")]
struct Why<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    message: String,
}

impl Serialize for Reasons<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|reason| Why { reason, message: describe_index_reason(reason) }))
    }
}

impl<'a> Row<'a> {
    pub fn schema(&self) -> &'a str {
        &self.table.schema
    }

    /// Returns database, schema and name, which are unique together.
    pub fn qualified_name(&self) -> (Option<&'a str>, &'a str, &'a str) {
        (self.database, self.schema(), &self.index.index)
    }

    /// Returns `schema.index`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.table.schema, self.index.index)
    }

    pub fn key_columns(&self) -> Option<&'a [Option<String>]> {
        let names = self.index.column_names.as_deref()?;
        Some(names.get(..self.index.key_columns_count as usize).unwrap_or(names))
    }

    fn include_columns(&self) -> Option<&'a [Option<String>]> {
        let names = self.index.column_names.as_deref()?;
        Some(names.get(self.index.key_columns_count as usize..).unwrap_or(&[]))
    }

    pub fn kind(&self) -> String {
        let index = self.index;
        let mut parts = vec![match (index.constraint, index.is_unique) {
            (Some(ConstraintKind::PrimaryKey), _) => "primary key",
            (Some(ConstraintKind::Exclusion), _) => "exclusion",
            (Some(ConstraintKind::Unique), _) => "unique constraint",
            (None, true) => "unique",
            (None, false) => "",
        }];
        if index.method != "btree" {
            parts.push(&index.method);
        }
        for (holds, label) in [
            (index.is_partial, "partial"),
            (index.is_expression, "expression"),
            (index.is_partitioned, "partitioned"),
            (index.is_replica_identity, "replica identity"),
        ] {
            if holds {
                parts.push(label);
            }
        }
        parts.retain(|word| !word.is_empty());
        parts.join(", ")
    }

    /// Returns the most important reason. For a candidate that is kept, it includes what prevents the drop.
    pub fn why(&self) -> String {
        let reasons = &self.assessment.reasons;
        let first = reasons.first().map(short_reason).unwrap_or_default();
        let verdict = self.assessment.verdict;
        let candidate = verdict == Verdict::Review || (verdict == Verdict::Keep && first == NO_SCANS);
        let second = reasons.iter().map(short_reason).find(|word| *word != first && (candidate || *word == BLOATED));
        let second = second.map(|word| format!(", {word}")).unwrap_or_default();
        format!("{first}{second}")
    }

    /// Returns whether the report explains the row: a drop, a review, or an index to rebuild.
    pub fn is_candidate(&self) -> bool {
        self.assessment.verdict > Verdict::Keep || self.assessment.findings.contains(&IndexFinding::IndexBloat)
    }

    /// Returns the definition if it contains more than the names of the columns.
    pub fn definition_beyond_columns(&self) -> Option<&'a str> {
        let has_more = self.index.is_partial || self.index.is_expression;
        self.index.definition.as_deref().filter(|_| has_more)
    }

    /// Returns all reasons.
    pub fn all_reasons(&self) -> String {
        let reasons: Vec<String> = self.assessment.reasons.iter().map(describe_index_reason).collect();
        format!("{} {}: {}", self.assessment.verdict.name(), self.name(), reasons.join("; "))
    }

    pub fn verdict_cell(&self) -> Cell {
        let tone = match self.assessment.verdict {
            Verdict::Drop => Tone::Good,
            Verdict::Review => Tone::Warning,
            Verdict::Keep => Tone::Faint,
        };
        Cell::text(self.assessment.verdict.name()).with_tone(tone)
    }

    /// Returns the columns as `(a, b) include (c)`.
    pub fn columns(&self) -> Cell {
        let list = |names: &[Option<String>]| {
            names.iter().map(|name| name.as_deref().unwrap_or("expression")).collect::<Vec<_>>().join(", ")
        };
        Cell::or_unknown(self.key_columns(), |keys| {
            let included = self.include_columns().filter(|names| !names.is_empty());
            let included = included.map(|names| format!(" include ({})", list(names))).unwrap_or_default();
            Value::Name(format!("{}{included}", list(keys)))
        })
    }
}
