//! `pgtend audit`: how small the new volume may be, what stands in the way, what it saves.

mod screen;
mod steps;
mod waterfall;
mod words;

use super::{Gaps, pictures};
use crate::{
    judge::audit::{
        Amount, Arrival, Assumptions, Audit, Confidence, Cost, Finding, Fits, Group, Inside, Kind, Severity, Way,
    },
    model::{Snapshot, Unavailable, Unestimated, arrival::Basis, grant},
    render::Chart,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct AuditReport {
    audit: AuditPart,
    #[serde(skip)]
    charts: Vec<Chart>,
}

#[derive(Debug, Serialize)]
struct AuditPart {
    way: Way,
    used_bytes: Option<u64>,
    reclaimable_bytes: Option<u64>,
    /// What arrives the chosen way, after the clean-up.
    arrives: Option<Amount>,
    minimum_bytes: Option<u64>,
    minimum: Option<Amount>,
    recommended_bytes: Option<u64>,
    recommended: Option<Amount>,
    /// A lower bound of the minimum: what is known of it.
    at_least_bytes: u64,
    /// Only with a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<Fits>,
    assumptions: Assumptions,
    databases: Vec<DatabaseLine>,
    terms: Vec<TermLine>,
    ways: Vec<Arrival>,
    blockers: Vec<FindingLine>,
    /// Nothing that could stand in the way was hidden.
    #[serde(skip)]
    has_seen_all: bool,
    warnings: Vec<FindingLine>,
    checklist: Vec<FindingLine>,
    steps: Vec<steps::Step>,
    /// Null without a price and the allocated size.
    cost: Option<Cost>,
    /// The largest relations: what they take now and after a logical copy.
    relations: Vec<RelationLine>,
}

#[derive(Debug, Serialize)]
struct DatabaseLine {
    database: String,
    bytes: Option<u64>,
    after_physical_copy_bytes: Option<u64>,
    after_logical_copy_bytes: Option<u64>,
    after_logical_copy: Option<Amount>,
}

#[derive(Debug, Serialize)]
struct TermLine {
    group: Group,
    #[serde(flatten)]
    kind: Kind,
    title: String,
    bytes: Option<u64>,
    low_bytes: Option<u64>,
    high_bytes: Option<u64>,
    /// Part of the sum; else it is pointed out only.
    counted: bool,
    confidence: Confidence,
    formula: String,
    source: &'static str,
    /// What reclaims it, where something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// Where it is not known: how much it may be at most, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    could_be_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct FindingLine {
    severity: Severity,
    #[serde(flatten)]
    finding: Finding,
    message: String,
}

#[derive(Debug, Serialize)]
struct RelationLine {
    database: String,
    schema: String,
    table: String,
    /// An index of the table; null for the table itself or its TOAST relation.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    kind: &'static str,
    bytes: u64,
    after_logical_copy_bytes: u64,
    low_bytes: u64,
    high_bytes: u64,
    basis: Basis,
}

/// What is told of relations that could not be predicted.
const WORTH_TELLING: u64 = 1 << 20;
/// Relations that are listed.
const MOST_RELATIONS: usize = 100;

/// What is null where a term is not known.
const OF_TERM: [&str; 3] = ["audit.terms[].bytes", "audit.terms[].low_bytes", "audit.terms[].high_bytes"];
const RECOMMENDED: [&str; 3] = ["audit.recommended_bytes", "audit.recommended", "audit.ways[].recommended"];
const MINIMUM: [&str; 3] = ["audit.minimum_bytes", "audit.minimum", "audit.ways[].minimum"];
const ARRIVES: [&str; 2] = ["audit.arrives", "audit.ways[].arrives"];

impl AuditReport {
    pub fn of(audit: &Audit<'_>, snapshot: &Snapshot, assumptions: &Assumptions, gaps: &mut Gaps) -> AuditReport {
        note_unknown(audit, &snapshot.server.role, gaps);
        note_unpredicted(audit, snapshot, gaps);
        let unread: Vec<&Unavailable> = [
            snapshot.pending_restart.as_result().err(),
            snapshot.read_only_overrides.as_result().err(),
            snapshot.subscriptions.as_result().err(),
            snapshot.prepared_transactions.as_result().err(),
            snapshot.slots.as_result().err(),
            snapshot.settings.as_result().err(),
        ]
        .into_iter()
        .flatten()
        .collect();
        for fact in &unread {
            gaps.note(fact, &[], Vec::new());
        }
        for contents in &snapshot.contents {
            gaps.take(&contents.obstacles, &[]);
        }
        let has_seen_all = unread.is_empty()
            && audit.databases.iter().all(|it| it.missing.is_none())
            && snapshot.contents.iter().all(|it| it.obstacles.known().is_some());
        let chosen = audit.chosen();
        let of = |severity: Severity| {
            let found = audit.findings.iter().filter(|it| it.severity == severity);
            found
                .map(|it| FindingLine { severity, message: words::told(&it.what), finding: it.clone() })
                .collect::<Vec<_>>()
        };
        let forecasts: Vec<_> = audit.inside.iter().map(|it| (it.database.as_str(), &it.forecast)).collect();
        let charts =
            [waterfall::waterfall(audit), pictures::storage(snapshot, &forecasts), pictures::wal_causes(snapshot)];
        AuditReport {
            charts: charts.into_iter().flatten().collect(),
            audit: AuditPart {
                way: assumptions.way,
                used_bytes: audit.used.map(|it| it.bytes),
                reclaimable_bytes: audit.reclaimable.map(|it| it.bytes),
                arrives: chosen.and_then(|it| it.arrives),
                minimum_bytes: chosen.and_then(|it| it.minimum).map(|it| it.bytes),
                minimum: chosen.and_then(|it| it.minimum),
                recommended_bytes: chosen.and_then(|it| it.recommended).map(|it| it.bytes),
                recommended: chosen.and_then(|it| it.recommended),
                at_least_bytes: chosen.map_or(0, |it| it.at_least_bytes),
                fits: audit.fits,
                assumptions: assumptions.clone(),
                databases: audit
                    .databases
                    .iter()
                    .map(|it| DatabaseLine {
                        database: it.database.clone(),
                        bytes: it.bytes,
                        after_physical_copy_bytes: it.after_physical_copy,
                        after_logical_copy_bytes: it.after_logical_copy.map(|it| it.bytes),
                        after_logical_copy: it.after_logical_copy,
                    })
                    .collect(),
                terms: audit
                    .terms
                    .iter()
                    .map(|it| TermLine {
                        group: it.group,
                        title: words::title(&it.kind),
                        formula: words::formula(&it.kind),
                        source: words::source(&it.kind),
                        command: words::command(it, &snapshot.connection),
                        bytes: it.amount.map(|it| it.bytes),
                        low_bytes: it.amount.map(|it| it.low_bytes),
                        high_bytes: it.amount.map(|it| it.high_bytes),
                        counted: it.counted,
                        confidence: it.confidence,
                        could_be_bytes: it.could_be_bytes,
                        kind: it.kind.clone(),
                    })
                    .collect(),
                ways: audit.ways.clone(),
                blockers: of(Severity::Blocker),
                has_seen_all,
                warnings: of(Severity::Warning),
                checklist: of(Severity::Checklist),
                steps: steps::steps(audit, assumptions, &snapshot.connection),
                cost: audit.cost.clone(),
                relations: relations(&audit.inside),
            },
        }
    }
}

/// Terms that are not known, each with what it keeps unknown and how much that could be.
fn note_unknown(audit: &Audit<'_>, role: &str, gaps: &mut Gaps) {
    for term in &audit.terms {
        let Some(why) = &term.missing else { continue };
        let mut fields: Vec<&str> = OF_TERM.to_vec();
        if term.leaves_open() {
            fields.extend(RECOMMENDED);
            // Growth is no part of the minimum, and what arrives has no room in it.
            if !matches!(term.kind, Kind::Growth { .. }) {
                fields.extend(MINIMUM);
            }
            match term.group {
                Group::Used => fields.push("audit.used_bytes"),
                Group::Reclaimable => fields.push("audit.reclaimable_bytes"),
                Group::Room => {}
            }
            if term.group != Group::Room {
                fields.extend(ARRIVES);
            }
        }
        let most = term.could_be_bytes.map(|bytes| format!(" (at most {})", crate::render::human_bytes(bytes)));
        let reason = format!("{}: {}{}", words::title(&term.kind), why.reason, most.unwrap_or_default());
        let why = Unavailable { reason, ..why.clone() };
        gaps.note(&why, &fields, Vec::new());
    }
    for line in &audit.databases {
        if line.bytes.is_none() {
            let why = Unavailable::because("database size", format!("{role} may not connect to {}", line.database))
                .with_hint(Some(grant("pg_read_all_stats", role)));
            let fields = ["audit.databases[].bytes", "audit.databases[].after_physical_copy_bytes"];
            gaps.note(&why, &fields, vec![line.database.clone()]);
        }
        if line.after_logical_copy.is_none() {
            let unread =
                Unavailable::because("database contents", format!("{} was not read from inside", line.database));
            let why = line.missing.as_ref().unwrap_or(&unread);
            let fields = ["audit.databases[].after_logical_copy_bytes", "audit.databases[].after_logical_copy"];
            gaps.note(why, &fields, vec![line.database.clone()]);
        }
    }
}

/// Relations that are taken to arrive as large as they are, because their statistics could not be read: how much that is.
fn note_unpredicted(audit: &Audit<'_>, snapshot: &Snapshot, gaps: &mut Gaps) {
    for inside in &audit.inside {
        for (why, bytes) in inside.forecast.unpredicted().into_iter().filter(|(_, bytes)| *bytes >= WORTH_TELLING) {
            let size = crate::render::human_bytes(bytes);
            let role = &snapshot.server.role;
            let database = &inside.database;
            let (reason, hint) = match why {
                Some(Unestimated::NeverAnalyzed) => ("were never analysed", Some("run ANALYZE".to_owned())),
                Some(Unestimated::NoSelect) => {
                    ("have statistics that the role may not see", Some(grant("pg_read_all_data", role)))
                }
                Some(Unestimated::RowSecurity) => (
                    "have row-level security, which hides their statistics",
                    Some("look as a role that has BYPASSRLS".to_owned()),
                ),
                Some(Unestimated::NotRead) | None => ("have no statistics that were read", None),
            };
            let reason = format!("relations of {size} in {database} {reason}: taken to arrive as they are");
            let why = Unavailable::because("size after a copy", reason).with_hint(hint);
            gaps.note(&why, &[], vec![database.clone()]);
        }
    }
}

fn relations(inside: &[Inside<'_>]) -> Vec<RelationLine> {
    let mut lines: Vec<RelationLine> = Vec::new();
    for one in inside {
        lines.extend(one.forecast.relations.iter().filter(|it| !it.table.is_catalog()).map(|it| RelationLine {
            database: one.database.clone(),
            schema: it.table.schema.clone(),
            table: it.table.table.clone(),
            index: it.index.map(|index| index.index.clone()),
            kind: match it.part {
                crate::model::arrival::Part::Heap => "heap",
                crate::model::arrival::Part::Toast => "toast",
                crate::model::arrival::Part::Index => "index",
            },
            bytes: it.now_bytes,
            after_logical_copy_bytes: it.after.bytes,
            low_bytes: it.after.low_bytes,
            high_bytes: it.after.high_bytes,
            basis: it.after.basis,
        }));
    }
    lines.sort_by(|a, b| {
        b.bytes.cmp(&a.bytes).then_with(|| (&a.database, &a.table, &a.index).cmp(&(&b.database, &b.table, &b.index)))
    });
    lines.truncate(MOST_RELATIONS);
    lines
}
