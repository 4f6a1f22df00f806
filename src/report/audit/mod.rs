//! `pgtend audit`: minimum and recommended volume size, obstacles, steps, and cost.

mod describe;
mod document;
mod steps;

use super::{Gaps, charts, gaps::hidden_tablespace_sizes};
use crate::analysis::bloat::EstimateError;
use crate::analysis::copy_size::Basis;
use crate::analysis::downsize::{
    Amount, Assumptions, Audit, AuditFinding, AuditFindingKind, ComponentGroup, ComponentKind, Confidence, Cost,
    DatabaseAssessment, Fits, MethodEstimate, MoveMethod, Severity,
};
use crate::facts::{Snapshot, Unavailable};
use crate::quote::grant;
use crate::render::{Chart, Picture, Step, StepKind};
use schemars::JsonSchema;
use serde::Serialize;

/// Report of `pgtend audit`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditReport {
    audit: AuditPart,
    #[serde(skip)]
    charts: Vec<Chart>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AuditPart {
    method: MoveMethod,
    used_bytes: Option<u64>,
    reclaimable_bytes: Option<u64>,
    /// Size after clean-up and move by the chosen method.
    size_after_bytes: Option<Amount>,
    minimum_bytes: Option<u64>,
    minimum: Option<Amount>,
    recommended_bytes: Option<u64>,
    recommended: Option<Amount>,
    /// Lower bound of the minimum, from the known components.
    at_least_bytes: u64,
    /// Only with a target size.
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<Fits>,
    assumptions: Assumptions,
    databases: Vec<DatabaseLine>,
    components: Vec<ComponentLine>,
    methods: Vec<MethodEstimate>,
    blockers: Vec<FindingLine>,
    /// Whether every fact about obstacles could be read.
    #[serde(skip)]
    is_complete: bool,
    warnings: Vec<FindingLine>,
    checklist: Vec<FindingLine>,
    steps: Vec<steps::RunbookStep>,
    /// Null without a price or the present size.
    cost: Option<Cost>,
    /// The largest relations, with their size now and after a logical copy.
    relations: Vec<RelationLine>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DatabaseLine {
    database: String,
    bytes: Option<u64>,
    after_physical_copy_bytes: Option<u64>,
    after_logical_copy_bytes: Option<u64>,
    after_logical_copy: Option<Amount>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ComponentLine {
    group: ComponentGroup,
    #[serde(flatten)]
    kind: ComponentKind,
    title: String,
    bytes: Option<u64>,
    low_bytes: Option<u64>,
    high_bytes: Option<u64>,
    /// Whether it is part of the sum. Otherwise it is only shown.
    counted: bool,
    confidence: Confidence,
    formula: String,
    source: &'static str,
    /// Command that reclaims it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// Upper bound of an unknown amount, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    could_be_bytes: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditFindingLine")]
struct FindingLine {
    #[serde(flatten)]
    finding: AuditFinding,
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RelationLine {
    database: String,
    schema: String,
    table: String,
    /// Name of an index; null for the table itself or its TOAST relation.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    kind: &'static str,
    bytes: u64,
    after_logical_copy_bytes: u64,
    low_bytes: u64,
    high_bytes: u64,
    basis: Basis,
}

/// Relations that could not be predicted are reported from this size on, in bytes.
const MIN_REPORTED_BYTES: u64 = 1 << 20;
/// Maximum number of relations.
const MAX_RELATIONS: usize = 100;

/// Fields that are null for an unknown component.
const COMPONENT_FIELDS: [&str; 3] =
    ["audit.components[].bytes", "audit.components[].low_bytes", "audit.components[].high_bytes"];
const RECOMMENDED_FIELDS: [&str; 3] = ["audit.recommended_bytes", "audit.recommended", "audit.methods[].recommended"];
const MINIMUM_FIELDS: [&str; 3] = ["audit.minimum_bytes", "audit.minimum", "audit.methods[].minimum"];
const SIZE_AFTER_FIELDS: [&str; 2] = ["audit.size_after_bytes", "audit.methods[].size_after_bytes"];

impl AuditReport {
    /// Builds the report, and notes unknown amounts in `gaps`.
    pub fn new(audit: &Audit<'_>, snapshot: &Snapshot, assumptions: &Assumptions, gaps: &mut Gaps) -> AuditReport {
        note_unknown(audit, &snapshot.server.role, gaps);
        let is_unknown_size =
            |finding: &AuditFinding| matches!(finding.kind, AuditFindingKind::Tablespaces { bytes: None, .. });
        if let Some((why, _)) = hidden_tablespace_sizes(snapshot).filter(|_| audit.findings.iter().any(is_unknown_size))
        {
            gaps.note(&why, &["audit.warnings[].bytes"], Vec::new());
        }
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
        for db in &snapshot.database_snapshots {
            gaps.get_or_note(&db.obstacles, &[]);
        }
        let is_complete = unread.is_empty()
            && audit.databases.iter().all(|database_sizes| database_sizes.missing.is_none())
            && snapshot
                .database_snapshots
                .iter()
                .all(|database_snapshot| database_snapshot.obstacles.known().is_some());
        let chosen = audit.chosen();
        let findings_of = |severity: Severity| {
            let found = audit.findings.iter().filter(|audit_finding| audit_finding.severity == severity);
            found
                .map(|audit_finding| FindingLine {
                    message: describe::describe_finding(&audit_finding.kind),
                    finding: audit_finding.clone(),
                })
                .collect::<Vec<_>>()
        };
        let forecasts: Vec<_> =
            audit.assessments.iter().map(|assessment| (assessment.database.as_str(), &assessment.forecast)).collect();
        let charts = [waterfall_chart(audit), charts::storage_chart(snapshot, &forecasts), charts::wal_chart(snapshot)];
        AuditReport {
            charts: charts.into_iter().flatten().collect(),
            audit: AuditPart {
                method: assumptions.method,
                used_bytes: audit.used.map(|amount| amount.bytes),
                reclaimable_bytes: audit.reclaimable.map(|amount| amount.bytes),
                size_after_bytes: chosen.and_then(|estimate| estimate.size_after_bytes),
                minimum_bytes: chosen.and_then(|estimate| estimate.minimum).map(|amount| amount.bytes),
                minimum: chosen.and_then(|estimate| estimate.minimum),
                recommended_bytes: chosen.and_then(|estimate| estimate.recommended).map(|amount| amount.bytes),
                recommended: chosen.and_then(|estimate| estimate.recommended),
                at_least_bytes: chosen.map_or(0, |estimate| estimate.at_least_bytes),
                fits: audit.fits,
                assumptions: assumptions.clone(),
                databases: audit
                    .databases
                    .iter()
                    .map(|database_sizes| DatabaseLine {
                        database: database_sizes.database.clone(),
                        bytes: database_sizes.bytes,
                        after_physical_copy_bytes: database_sizes.after_physical_copy,
                        after_logical_copy_bytes: database_sizes.after_logical_copy.map(|amount| amount.bytes),
                        after_logical_copy: database_sizes.after_logical_copy,
                    })
                    .collect(),
                components: audit
                    .components
                    .iter()
                    .map(|component| ComponentLine {
                        group: component.group,
                        title: describe::component_title(&component.kind),
                        formula: describe::component_formula(&component.kind),
                        source: describe::component_source(&component.kind),
                        command: describe::reclaim_command(component, &snapshot.connection),
                        bytes: component.amount.map(|amount| amount.bytes),
                        low_bytes: component.amount.map(|amount| amount.low_bytes),
                        high_bytes: component.amount.map(|amount| amount.high_bytes),
                        counted: component.counted,
                        confidence: component.confidence,
                        could_be_bytes: component.could_be_bytes,
                        kind: component.kind.clone(),
                    })
                    .collect(),
                methods: audit.methods.clone(),
                blockers: findings_of(Severity::Blocker),
                is_complete,
                warnings: findings_of(Severity::Warning),
                checklist: findings_of(Severity::Checklist),
                steps: steps::runbook_steps(audit, assumptions, &snapshot.connection),
                cost: audit.cost.clone(),
                relations: relation_lines(&audit.assessments),
            },
        }
    }
}

/// Notes unknown components, with the fields that are null because of them and their upper bounds.
fn note_unknown(audit: &Audit<'_>, role: &str, gaps: &mut Gaps) {
    for component in &audit.components {
        let Some(why) = &component.missing else { continue };
        let mut fields: Vec<&str> = COMPONENT_FIELDS.to_vec();
        if component.leaves_sum_open() {
            fields.extend(RECOMMENDED_FIELDS);
            // The minimum includes no growth, and the size after a copy no headroom.
            if !matches!(component.kind, ComponentKind::Growth { .. }) {
                fields.extend(MINIMUM_FIELDS);
            }
            match component.group {
                ComponentGroup::Used => fields.push("audit.used_bytes"),
                ComponentGroup::Reclaimable => fields.push("audit.reclaimable_bytes"),
                ComponentGroup::Headroom => {}
            }
            if component.group != ComponentGroup::Headroom {
                fields.extend(SIZE_AFTER_FIELDS);
            }
        }
        let most = component.could_be_bytes.map(|bytes| format!(" (at most {})", crate::render::human_bytes(bytes)));
        let reason =
            format!("{}: {}{}", describe::component_title(&component.kind), why.reason, most.unwrap_or_default());
        let why = Unavailable { reason, ..why.clone() };
        gaps.note(&why, &fields, Vec::new());
    }
    for line in &audit.databases {
        if line.bytes.is_none() {
            let why =
                Unavailable::new("database size", format!("role {role} has no CONNECT privilege on {}", line.database))
                    .with_hint(Some(grant("pg_read_all_stats", role)));
            let fields = ["audit.databases[].bytes", "audit.databases[].after_physical_copy_bytes"];
            gaps.note(&why, &fields, vec![line.database.clone()]);
        }
        if line.after_logical_copy.is_none() {
            let unread = Unavailable::new("database contents", format!("{} was not read", line.database));
            let why = line.missing.as_ref().unwrap_or(&unread);
            let fields = ["audit.databases[].after_logical_copy_bytes", "audit.databases[].after_logical_copy"];
            gaps.note(why, &fields, vec![line.database.clone()]);
        }
    }
}

/// Notes the bytes of relations that are assumed to keep their size, because their statistics could not be read.
fn note_unpredicted(audit: &Audit<'_>, snapshot: &Snapshot, gaps: &mut Gaps) {
    for assessment in &audit.assessments {
        for (why, bytes) in
            assessment.forecast.unpredicted().into_iter().filter(|(_, bytes)| *bytes >= MIN_REPORTED_BYTES)
        {
            let size = crate::render::human_bytes(bytes);
            let role = &snapshot.server.role;
            let database = &assessment.database;
            let (reason, hint) = match why {
                Some(EstimateError::NeverAnalyzed) => ("were never analyzed", Some("run ANALYZE".to_owned())),
                Some(EstimateError::NoSelect) => {
                    ("have statistics that are hidden from this role", Some(grant("pg_read_all_data", role)))
                }
                Some(EstimateError::RowSecurity) => (
                    "have row-level security, which hides their statistics",
                    Some("connect as a role with BYPASSRLS".to_owned()),
                ),
                Some(EstimateError::NotRead) | None => ("have statistics that were not read", None),
            };
            let reason = format!("relations of {size} in total in {database} {reason}: assumed to keep their size");
            let why = Unavailable::new("size after a copy", reason).with_hint(hint);
            gaps.note(&why, &[], vec![database.clone()]);
        }
    }
}

fn relation_lines(assessments: &[DatabaseAssessment<'_>]) -> Vec<RelationLine> {
    let mut lines: Vec<RelationLine> = Vec::new();
    for assessment in assessments {
        lines.extend(assessment.forecast.relations.iter().filter(|relation| !relation.table.is_catalog()).map(
            |relation| RelationLine {
                database: assessment.database.clone(),
                schema: relation.table.schema.clone(),
                table: relation.table.table.clone(),
                index: relation.index.map(|index| index.index.clone()),
                kind: match relation.part {
                    crate::analysis::copy_size::RelationPart::Heap => "heap",
                    crate::analysis::copy_size::RelationPart::Toast => "toast",
                    crate::analysis::copy_size::RelationPart::Index => "index",
                },
                bytes: relation.now_bytes,
                after_logical_copy_bytes: relation.after.bytes,
                low_bytes: relation.after.low_bytes,
                high_bytes: relation.after.high_bytes,
                basis: relation.after.basis,
            },
        ));
    }
    lines.sort_by(|a, b| {
        b.bytes.cmp(&a.bytes).then_with(|| (&a.database, &a.table, &a.index).cmp(&(&b.database, &b.table, &b.index)))
    });
    lines.truncate(MAX_RELATIONS);
    lines
}

/// Returns the chart of the sum; `None` when the sum is unknown, because bars without a component would mislead.
fn waterfall_chart(audit: &Audit<'_>) -> Option<Chart> {
    let chosen = audit.chosen()?;
    let (used, size_after, minimum, recommended) =
        (audit.used?, chosen.size_after_bytes?, chosen.minimum?, chosen.recommended?);
    let step = |name: &str, kind, bytes| Step { name: name.to_owned(), kind, bytes };
    let mut steps = vec![step("used now", StepKind::Total, used.bytes)];
    if chosen.is_physical {
        for component in
            audit.group_components(ComponentGroup::Reclaimable).into_iter().filter(|component| component.counted)
        {
            let bytes = component.amount.map_or(0, |amount: Amount| amount.bytes);
            steps.push(step(&describe::component_title(&component.kind), StepKind::Less, bytes));
        }
    } else {
        steps.push(step("clean-up and rebuild", StepKind::Less, used.bytes.saturating_sub(size_after.bytes)));
    }
    steps.push(step("size after copy", StepKind::Total, size_after.bytes));
    let mut level = size_after.bytes;
    for component in audit
        .group_components(ComponentGroup::Headroom)
        .into_iter()
        .filter(|component| !matches!(component.kind, ComponentKind::Margin { .. }))
    {
        let bytes = component.amount.map_or(0, |amount| amount.bytes);
        level += bytes;
        steps.push(step(&describe::component_title(&component.kind), StepKind::More, bytes));
    }
    steps.push(step(
        "margin, and rounding to a size of the provider",
        StepKind::More,
        recommended.bytes.saturating_sub(level),
    ));
    steps.push(step("recommended", StepKind::Total, recommended.bytes));
    steps.push(step("minimum", StepKind::Total, minimum.bytes));
    steps.retain(|step| step.bytes > 0 || step.kind == StepKind::Total);
    let about = "From the used space to the recommended volume size, by component.".to_owned();
    Some(Chart { title: "Size calculation".to_owned(), about, picture: Picture::Waterfall(steps) })
}
