//! Which indexes go: those judged `drop`, or those somebody named.

use crate::{
    judge::index::{Plan, Refusal, select},
    model::{Contents, Index, IndexFinding, Reason, Verdict},
};
use std::collections::HashMap;

/// What somebody asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// As `schema.index`, or `index` where that is plain; then nothing else is taken.
    pub names: Vec<String>,
    /// Only these findings; all where empty.
    pub findings: Vec<IndexFinding>,
    pub schema: Option<glob::Pattern>,
    pub table: Option<glob::Pattern>,
}

/// What is selected, and what was left aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Largest gain first.
    pub oids: Vec<u32>,
    /// Candidates judged `review`, which are only taken by name.
    pub reviews: usize,
    /// Invalid leftovers: a matter of this server, not of a schema.
    pub invalid: usize,
}

/// Why nothing was selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSelected {
    #[error("there is no index {0:?}")]
    Unknown(String),
    #[error("{0:?} is the name of several indexes; write schema.index")]
    Ambiguous(String),
    #[error("{name} stays: {why}")]
    Kept { name: String, why: String },
    #[error(
        "{0} is invalid, which is a matter of this server and not of a schema; --maintenance writes a script for it"
    )]
    Invalid(String),
    #[error(
        "{name} belongs to constraint {constraint}: that is a matter for ALTER TABLE, and not for an index migration"
    )]
    Constraint { name: String, constraint: String },
    #[error("{0}")]
    Unsound(#[from] Refusal),
    #[error("the indexes of the database could not be read: {0}")]
    Unread(String),
}

/// Holds what was asked for against the judgement; `words` says why an index stays.
pub fn choose(
    plan: &Plan,
    contents: &Contents,
    wanted: &Wanted,
    words: impl Fn(&Reason) -> String,
) -> Result<Selection, NotSelected> {
    let indexes = contents.indexes.as_result().map_err(|why| NotSelected::Unread(why.reason.clone()))?;
    let tables = contents.tables.as_result().map_err(|why| NotSelected::Unread(why.reason.clone()))?;
    let index_of: HashMap<u32, &Index> = indexes.iter().map(|index| (index.oid, index)).collect();
    let mut selection = Selection::default();
    if wanted.names.is_empty() {
        let table_of: HashMap<u32, (&str, &str)> =
            tables.iter().map(|table| (table.oid, (table.schema.as_str(), table.table.as_str()))).collect();
        let matches =
            |pattern: &Option<glob::Pattern>, name: &str| pattern.as_ref().is_none_or(|glob| glob.matches(name));
        let mut chosen = Vec::new();
        for verdict in plan.verdicts() {
            let Some(index) = index_of.get(&verdict.oid) else { continue };
            let Some((schema, table)) = table_of.get(&index.table_oid) else { continue };
            let is_asked = matches(&wanted.schema, schema)
                && matches(&wanted.table, table)
                && (wanted.findings.is_empty() || verdict.findings.iter().any(|one| wanted.findings.contains(one)));
            if !is_asked {
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
        chosen.sort_by(|a, b| b.worth.total_cmp(&a.worth).then(a.oid.cmp(&b.oid)));
        selection.oids = chosen.iter().map(|verdict| verdict.oid).collect();
    } else {
        for name in &wanted.names {
            let oid = named(plan, &index_of, name)?;
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
            let why = verdict.reasons.iter().map(&words).collect::<Vec<_>>().join("; ");
            return Err(NotSelected::Kept { name, why });
        }
        if let Some(index) = index_of.get(oid) {
            if !index.is_valid {
                return Err(NotSelected::Invalid(name));
            }
            if let (Some(_), Some(constraint)) = (index.constraint, &index.constraint_name) {
                return Err(NotSelected::Constraint { name, constraint: constraint.clone() });
            }
        }
    }
    // The same needs that made the verdicts: what is selected is sound as a whole, or refused.
    select(plan, &names)?;
    Ok(selection)
}

fn named(plan: &Plan, index_of: &HashMap<u32, &Index>, name: &str) -> Result<u32, NotSelected> {
    let all = || plan.verdicts().iter().map(|verdict| verdict.oid);
    if let Some(oid) = all().find(|oid| plan.name(*oid) == name) {
        return Ok(oid);
    }
    let mut found = all().filter(|oid| index_of.get(oid).is_some_and(|index| index.index == name));
    match (found.next(), found.next()) {
        (Some(oid), None) => Ok(oid),
        (Some(_), Some(_)) => Err(NotSelected::Ambiguous(name.to_owned())),
        (None, _) => Err(NotSelected::Unknown(name.to_owned())),
    }
}
