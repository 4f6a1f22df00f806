//! The pre-downscale storage audit: minimum and recommended volume size, and the steps before the move.
//!
//! The sum consists of components with an amount, an interval and a confidence. A component that could not be read
//! makes the sum unknown; the audit then gives a lower bound.

mod amount;
mod assumptions;
mod component;
mod cost;
mod database;
mod finding;
mod headroom;
mod method;
mod overrides;
mod prediction;
mod slot_wal;
mod storage;
mod unscanned_tables;
mod used;

pub use amount::Amount;
pub use assumptions::Assumptions;
pub use component::{
    Component, ComponentGroup, ComponentKind, Confidence, GrowthSource, WalSource, sum_components, sum_known_components,
};
pub use cost::Cost;
pub use database::DatabaseAssessment;
pub use finding::{AuditFinding, AuditFindingKind, Severity};
pub use method::{MethodEstimate, MoveMethod};
pub use overrides::{Overrides, Sourced};
pub use prediction::{PredictedSize, predict_sizes};
pub use storage::{GIB, StorageType, VolumeSizes};
pub use used::LEAST_MEMBERS_BYTES;

use crate::analysis::index::IndexAssessment;
use crate::analysis::slot::SlotAssessment;
use crate::facts::history::HistoryView;
use crate::facts::{Snapshot, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

/// Input of an audit.
#[derive(Clone, Copy, Debug)]
pub struct AuditEvidence<'a> {
    /// Snapshot of the server.
    pub snapshot: &'a Snapshot,
    /// Values of earlier samples of the same server.
    pub history: &'a HistoryView,
    /// Options, configuration and defaults.
    pub assumptions: &'a Assumptions,
    /// Assessments of the slots, in the order of the snapshot.
    pub slot_assessments: &'a [SlotAssessment],
    /// Verdicts on the indexes of each database, in the order of the snapshot.
    pub index_assessments: &'a [IndexAssessment],
}

/// Size of one database now and after a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseSizes {
    /// Name of the database.
    pub database: String,
    /// Present size in bytes; `None` when the role may not read it.
    pub bytes: Option<u64>,
    /// Size in bytes after a physical copy without clean-up; `None` when the present size is unknown.
    pub after_physical_copy: Option<u64>,
    /// Size after a logical copy without clean-up, as `pg_database_size` would measure it; `None` when the database was
    /// not read.
    pub after_logical_copy: Option<Amount>,
    /// Reason why the database was not read; `None` when it was.
    pub missing: Option<Unavailable>,
}

/// Whether a volume is large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fits {
    /// It holds the recommended size.
    Yes,
    /// It holds the present data with headroom, but not growth and margin.
    OnlyNow,
    /// It is too small.
    No,
    /// Unknown: a part of the sum is missing.
    CannotTell,
}

/// Result of an audit.
#[derive(Debug)]
pub struct Audit<'a> {
    /// All components in the order of the report.
    pub components: Vec<Component>,
    /// Space in use now; `None` when a component makes the sum unknown.
    pub used: Option<Amount>,
    /// Space that the clean-up frees; `None` when a component makes the sum unknown.
    pub reclaimable: Option<Amount>,
    /// Sizes of all databases of the cluster.
    pub databases: Vec<DatabaseSizes>,
    /// Details of the databases that were read.
    pub assessments: Vec<DatabaseAssessment<'a>>,
    /// Estimates of all methods: the chosen one first, then those that the provider offers.
    pub methods: Vec<MethodEstimate>,
    /// Findings for the chosen method, the worst first.
    pub findings: Vec<AuditFinding>,
    /// Cost before and after; `None` without price or sizes.
    pub cost: Option<Cost>,
    /// Whether the target size is large enough; `None` without a target size.
    pub fits: Option<Fits>,
}

impl Audit<'_> {
    /// Returns the estimate of the chosen method.
    pub fn chosen(&self) -> Option<&MethodEstimate> {
        self.methods.first()
    }

    fn components_in(&self, group: ComponentGroup) -> impl Iterator<Item = &Component> + Clone {
        self.components.iter().filter(move |component| component.group == group)
    }

    /// Returns the components of one group in the order of the report.
    pub fn group_components(&self, group: ComponentGroup) -> Vec<&Component> {
        self.components_in(group).collect()
    }
}

/// Computes the audit from one snapshot.
pub fn compute_audit<'a>(evidence: &AuditEvidence<'a>) -> Audit<'a> {
    let AuditEvidence { snapshot, history, assumptions, slot_assessments, index_assessments } = *evidence;
    let mut components = used::used_components(snapshot, assumptions);
    let used = sum_components(components.iter());
    let slots = slot_wal::reclaimable_slot_wal(snapshot, slot_assessments);
    let (mut assessments, mut unread) = (Vec::new(), Vec::new());
    let assessed_databases = || snapshot.database_snapshots.iter().zip(index_assessments);
    for (db, index_assessment) in assessed_databases() {
        match database::assess_database(db, index_assessment, snapshot.server.version_num) {
            Ok(assessment) => assessments.push(assessment),
            Err(why) => unread.push((db.database.clone(), why)),
        }
    }
    for skipped in &snapshot.skipped {
        let why = Unavailable::new("database contents", skipped.reason.clone()).with_hint(skipped.hint.clone());
        unread.push((skipped.database.clone(), why));
    }
    let databases = database_sizes(snapshot, &assessments, &unread);
    let mut reclaim = slots.clone();
    for assessment in &mut assessments {
        reclaim.append(&mut assessment.components);
    }
    reclaim.extend(
        assessed_databases()
            .filter_map(|(db, assessment)| unscanned_tables::unscanned_tables(snapshot, db, &assessment.limits)),
    );
    for (database, why) in &unread {
        let bytes = databases
            .iter()
            .find(|database_sizes| database_sizes.database == *database)
            .and_then(|database_sizes| database_sizes.bytes);
        // Templates have nothing to reclaim.
        if bytes.is_none_or(|bytes| bytes > 32 << 20) {
            let kind = ComponentKind::UnreadDatabase { database: database.clone() };
            // Assuming that nothing is reclaimed keeps the sum on the safe side.
            reclaim.push(Component::unknown(ComponentGroup::Reclaimable, kind, why.clone(), bytes).not_counted());
        }
    }
    let reclaimable = sum_components(reclaim.iter());
    let wal_now = components
        .iter()
        .find(|component| component.kind == ComponentKind::WalDirectory)
        .and_then(|component| component.amount);
    let clean_wal = wal_now.map(|wal| wal.minus(sum_known_components(slots.iter())));
    let largest = assessments
        .iter()
        .filter_map(|database_assessment| database_assessment.largest_index.clone())
        .max_by_key(|(_, bytes)| *bytes);
    let of_unread =
        databases.iter().filter(|database_sizes| unread.iter().any(|(name, _)| *name == database_sizes.database));
    let largest_unread = of_unread.map(|database_sizes| database_sizes.bytes.unwrap_or(0)).max();
    let headroom = vec![
        headroom::wal_headroom(snapshot, assumptions, history, clean_wal),
        headroom::rebuild_headroom(snapshot, largest, largest_unread),
    ];
    let growth = headroom::growth_component(snapshot, assumptions, history);
    let sum_of = AuditSum {
        used_components: &components,
        reclaim: &reclaim,
        slots: &slots,
        headroom: &headroom,
        growth: &growth,
    };
    let mut methods: Vec<MethodEstimate> = MoveMethod::ALL
        .iter()
        .map(|method| sum_of.estimate_method(*method, &databases, &assessments, assumptions))
        .collect();
    methods.sort_by_key(|estimate| (estimate.method != assumptions.method, !estimate.is_offered));
    components.extend(reclaim);
    components.extend(headroom);
    components.push(growth);
    let share = assumptions.margin;
    let margin = methods
        .first()
        .and_then(|estimate| estimate.recommended)
        .map(|amount| amount.map(|bytes| (bytes as f64 * share) as u64));
    components.push(Component {
        amount: Some(margin.unwrap_or_default()).filter(|_| margin.is_some()),
        ..Component::known(
            ComponentGroup::Headroom,
            ComponentKind::Margin { share },
            Amount::default(),
            Confidence::Measured,
        )
    });
    let recommended = methods.first().and_then(|estimate| estimate.recommended).map(|amount| amount.bytes);
    let seen_bytes = sum_known_components(components.iter().filter(|component| is_measured_by_sql(component))).bytes;
    let findings = finding::audit_findings(snapshot, assumptions.method, assumptions, seen_bytes, recommended);
    let fits = assumptions.target_bytes.map(|target| fits_target(target, methods.first()));
    let cost = cost::estimate_cost(assumptions, recommended);
    Audit { components, used, reclaimable, databases, assessments, methods, findings, cost, fits }
}

/// Returns whether the component is space in use that SQL measures.
fn is_measured_by_sql(component: &Component) -> bool {
    component.group == ComponentGroup::Used && !matches!(component.kind, ComponentKind::OutsideSql { .. })
}

fn database_sizes(
    snapshot: &Snapshot,
    assessments: &[DatabaseAssessment<'_>],
    unread: &[(String, Unavailable)],
) -> Vec<DatabaseSizes> {
    let known = snapshot.databases.known().into_iter().flatten();
    let lines = known.map(|database| {
        let read = assessments.iter().find(|assessment| assessment.database == database.database);
        // Every cluster has templates and empty databases.
        let untouched = (database.is_template || !database.allows_connections).then_some(database.bytes).flatten();
        let missing = unread.iter().find(|(name, _)| *name == database.database).map(|(_, why)| why.clone());
        DatabaseSizes {
            database: database.database.clone(),
            bytes: database.bytes,
            after_physical_copy: database.bytes,
            after_logical_copy: read
                .map(|assessment| assessment.forecast.total.into())
                .or(untouched.map(Amount::exact)),
            missing: if read.is_some() || untouched.is_some() { None } else { missing },
        }
    });
    lines.collect()
}

struct AuditSum<'a> {
    used_components: &'a [Component],
    reclaim: &'a [Component],
    slots: &'a [Component],
    headroom: &'a [Component],
    growth: &'a Component,
}

impl AuditSum<'_> {
    fn estimate_method(
        &self,
        method: MoveMethod,
        databases: &[DatabaseSizes],
        assessments: &[DatabaseAssessment<'_>],
        assumptions: &Assumptions,
    ) -> MethodEstimate {
        let is_database = |component: &&Component| matches!(component.kind, ComponentKind::Databases { .. });
        // Temporary files end with their queries; headroom for them is a component of its own.
        let is_temporary = |component: &&Component| matches!(component.kind, ComponentKind::TemporaryFiles);
        let outside_databases =
            self.used_components.iter().filter(|component| !is_database(component) && !is_temporary(component));
        let slots = sum_known_components(self.slots.iter());
        let open = |components: &[Component]| components.iter().any(Component::leaves_sum_open);
        let (size_after, known) = if method.is_physical() {
            let reclaimed = sum_known_components(self.reclaim.iter());
            let stays = self.used_components.iter().filter(|component| !is_temporary(component));
            let known = sum_known_components(stays.clone()).minus(reclaimed);
            (sum_components(stays).map(|used| used.minus(reclaimed)).filter(|_| !open(self.slots)), known)
        } else {
            let mut databases_after = Some(Amount::default());
            let mut known = Amount::default();
            for line in databases {
                let logical = assessments
                    .iter()
                    .find(|assessment| assessment.database == line.database)
                    .map(|assessment| assessment.logical_copy);
                // A database that was not read has at most its present size after the copy.
                let unread = line.bytes.map(|bytes| match line.after_logical_copy {
                    Some(_) => Amount::exact(bytes),
                    None => Amount::from_bounds(bytes / 4, bytes, bytes),
                });
                let size_after = logical.or(unread);
                databases_after = databases_after.zip(size_after).map(|(sum, amount)| sum.plus(amount));
                known = known.plus(size_after.unwrap_or_default());
            }
            let databases_after = databases_after.filter(|_| !databases.is_empty());
            let known_outside = sum_known_components(outside_databases.clone()).minus(slots);
            let outside =
                sum_components(outside_databases).map(|outside| outside.minus(slots)).filter(|_| !open(self.slots));
            (databases_after.zip(outside).map(|(a, b)| a.plus(b)), known.plus(known_outside))
        };
        let sizes = VolumeSizes::new(assumptions.provider, assumptions.storage_type);
        let headroom = sum_components(self.headroom.iter());
        let with_method_minimum = |headroom: Amount, size_after: Amount| {
            size_after.plus(headroom).larger(size_after.map(|bytes| storage::required_size(method, bytes)))
        };
        let minimum = size_after.zip(headroom).map(|(size_after, headroom)| with_method_minimum(headroom, size_after));
        let margin = |bytes: u64| (bytes as f64 / (1.0 - assumptions.margin)).ceil() as u64;
        let grown = minimum.zip(self.growth.amount).map(|(minimum, growth)| minimum.plus(growth));
        let at_least = with_method_minimum(sum_known_components(self.headroom.iter()), known).low_bytes;
        MethodEstimate {
            method,
            is_physical: method.is_physical(),
            is_offered: method.is_offered_by(assumptions.provider),
            size_after_bytes: size_after,
            minimum: minimum.map(|amount| amount.map(|bytes| sizes.round_up(bytes))),
            recommended: grown.map(|amount| amount.map(|bytes| sizes.round_up(margin(bytes)))),
            at_least_bytes: sizes.round_up(at_least),
        }
    }
}

fn fits_target(target: u64, chosen: Option<&MethodEstimate>) -> Fits {
    let Some(chosen) = chosen else { return Fits::CannotTell };
    match (chosen.recommended, chosen.minimum) {
        (Some(recommended), _) if recommended.bytes <= target => Fits::Yes,
        (Some(_), Some(minimum)) if minimum.bytes <= target => Fits::OnlyNow,
        (Some(_), _) => Fits::No,
        (None, Some(minimum)) if minimum.bytes > target => Fits::No,
        (None, _) if chosen.at_least_bytes > target => Fits::No,
        _ => Fits::CannotTell,
    }
}
