//! Selects the indexes to drop: those with the verdict `drop`, or those that are named.

use crate::analysis::index::{DropPlan, IndexFinding, Reason, Refusal, Verdict, select_drops};
use crate::facts::{DatabaseSnapshot, Index};
use std::collections::HashMap;

/// What the user requested.
#[derive(Clone, Debug, Default)]
pub struct SelectionCriteria {
    /// Names as `schema.index`, or as `index` where that is unambiguous. If there are any, nothing else is selected.
    pub names: Vec<String>,
    /// Findings to select; empty for all.
    pub findings: Vec<IndexFinding>,
    /// Pattern of schemas; `None` for all.
    pub schema: Option<glob::Pattern>,
    /// Pattern of tables; `None` for all.
    pub table: Option<glob::Pattern>,
}

/// Selected indexes, and the number of candidates that are not selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// OIDs of the selected indexes, the largest gain first.
    pub oids: Vec<u32>,
    /// Number of candidates with the verdict `review`, which must be named.
    pub reviews: usize,
    /// Number of invalid indexes. They concern this server, not the schema.
    pub invalid: usize,
}

/// Why nothing is selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No index has this name.
    #[error("index {0:?} does not exist")]
    Unknown(String),
    /// Several indexes have this name.
    #[error("several indexes are named {0:?}; specify schema.index")]
    Ambiguous(String),
    /// The verdict on the index is `keep`.
    #[error("{name} has the verdict keep: {why}")]
    Kept {
        /// Name of the index.
        name: String,
        /// Reason of its verdict.
        why: String,
    },
    /// The index is invalid. `--maintenance` repairs it.
    #[error(
        "{0} is invalid on this server only, so it needs no migration; --maintenance writes a script that repairs it"
    )]
    Invalid(String),
    /// The index belongs to a constraint.
    #[error(
        "{name} belongs to constraint {constraint}, which only ALTER TABLE can drop; pgtend does not write that migration"
    )]
    Constraint {
        /// Name of the index.
        name: String,
        /// Name of the constraint.
        constraint: String,
    },
    /// The selection leaves a need without an index.
    #[error("{0}")]
    Unsound(#[from] Refusal),
    /// The indexes could not be read; the text is the reason.
    #[error("the indexes of the database could not be read: {0}")]
    Unreadable(String),
}

/// Selects indexes by the criteria. `describe` returns the text of a reason.
///
/// # Errors
///
/// A named index does not exist or cannot be dropped, or the selection is not sound.
pub fn select_indexes(
    plan: &DropPlan,
    database_snapshot: &DatabaseSnapshot,
    criteria: &SelectionCriteria,
    describe: impl Fn(&Reason) -> String,
) -> Result<Selection, SelectionError> {
    let indexes =
        database_snapshot.indexes.as_result().map_err(|why| SelectionError::Unreadable(why.reason.clone()))?;
    let tables = database_snapshot.tables.as_result().map_err(|why| SelectionError::Unreadable(why.reason.clone()))?;
    let index_of: HashMap<u32, &Index> = indexes.iter().map(|index| (index.oid, index)).collect();
    let mut selection = Selection::default();
    if criteria.names.is_empty() {
        let table_of: HashMap<u32, (&str, &str)> =
            tables.iter().map(|table| (table.oid, (table.schema.as_str(), table.table.as_str()))).collect();
        let matches =
            |pattern: &Option<glob::Pattern>, name: &str| pattern.as_ref().is_none_or(|glob| glob.matches(name));
        let mut chosen = Vec::new();
        for verdict in plan.verdicts() {
            let Some(index) = index_of.get(&verdict.oid) else { continue };
            let Some((schema, table)) = table_of.get(&index.table_oid) else { continue };
            let is_requested = matches(&criteria.schema, schema)
                && matches(&criteria.table, table)
                && (criteria.findings.is_empty()
                    || verdict.findings.iter().any(|finding| criteria.findings.contains(finding)));
            if !is_requested {
                continue;
            }
            match verdict.verdict {
                Verdict::Keep => {}
                Verdict::Review => selection.reviews += 1,
                Verdict::Drop if !index.is_valid => selection.invalid += 1,
                Verdict::Drop if index.constraint.is_some() => {}
                Verdict::Drop => chosen.push(verdict),
            }
        }
        chosen.sort_by(|a, b| b.rank_score.total_cmp(&a.rank_score).then(a.oid.cmp(&b.oid)));
        selection.oids = chosen.iter().map(|verdict| verdict.oid).collect();
    } else {
        for name in &criteria.names {
            let oid = find_named_index(plan, &index_of, name)?;
            if !selection.oids.contains(&oid) {
                selection.oids.push(oid);
            }
        }
    }
    let names: Vec<&str> = selection.oids.iter().map(|oid| plan.name(*oid)).collect();
    for oid in &selection.oids {
        let name = plan.name(*oid).to_owned();
        let verdict = plan.verdicts().iter().find(|verdict| verdict.oid == *oid);
        if let Some(verdict) = verdict.filter(|verdict| verdict.verdict == Verdict::Keep) {
            let why = verdict.reasons.iter().map(&describe).collect::<Vec<_>>().join("; ");
            return Err(SelectionError::Kept { name, why });
        }
        if let Some(index) = index_of.get(oid) {
            if !index.is_valid {
                return Err(SelectionError::Invalid(name));
            }
            if let (Some(_), Some(constraint)) = (index.constraint, &index.constraint_name) {
                return Err(SelectionError::Constraint { name, constraint: constraint.clone() });
            }
        }
    }
    // The selection is refused if it leaves a need without an index.
    select_drops(plan, &names)?;
    Ok(selection)
}

fn find_named_index(plan: &DropPlan, index_of: &HashMap<u32, &Index>, name: &str) -> Result<u32, SelectionError> {
    let oids = || plan.verdicts().iter().map(|verdict| verdict.oid);
    if let Some(oid) = oids().find(|oid| plan.name(*oid) == name) {
        return Ok(oid);
    }
    let mut found = oids().filter(|oid| index_of.get(oid).is_some_and(|index| index.index == name));
    match (found.next(), found.next()) {
        (Some(oid), None) => Ok(oid),
        (Some(_), Some(_)) => Err(SelectionError::Ambiguous(name.to_owned())),
        (None, _) => Err(SelectionError::Unknown(name.to_owned())),
    }
}
