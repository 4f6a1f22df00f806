//! Which indexes can be dropped, and the evidence.
//!
//! Every index gets a verdict. All verdicts of a database form a [`DropPlan`] that is sound as a whole: whichever of
//! its drops are selected, every need keeps an index.

mod verdict;

pub use verdict::{
    BLOAT_BYTES, BLOAT_SHARE, Confidence, CoverKind, Gain, IndexAssessment, IndexFinding, IndexLimits, IndexVerdict,
    Reason, Verdict,
};

mod cover;
mod duplicate;
mod hazards;
mod index_bloat;
mod invalid;
mod needs;
mod plan;
mod rarely_used;
mod redundant;
mod scan_evidence;
mod signature;
mod subject;
#[cfg(test)]
mod testing;
mod unused;

pub(crate) use index_bloat::is_worth_rebuilding;
pub use invalid::is_left_invalid;
pub use needs::{Need, NeedKind};
pub use plan::{DropPlan, Refusal, select_drops};

use crate::analysis::Window;
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, OidMap, Replica, Snapshot};
use hazards::{VerdictCap, find_hazards};
use scan_evidence::ScanEvidence;
use std::collections::{HashMap, HashSet};
use subject::{IndexSubject, collect_subjects};

/// One index that could replace another, by their positions among the subjects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cover {
    candidate: usize,
    covering: usize,
    kind: CoverKind,
}

/// One finding on an index, before limits of the verdict apply.
pub(crate) struct RawFinding {
    finding: IndexFinding,
    verdict: Verdict,
    confidence: Confidence,
    /// Whether it rests on scan counters.
    of_counters: bool,
    reasons: Vec<Reason>,
    covered_by: Vec<usize>,
}

/// Assesses all indexes of one database. `history` has the values of earlier samples.
pub fn plan_drops(
    snapshot: &Snapshot,
    db: &DatabaseSnapshot,
    history: Option<&DatabaseIndexHistory>,
    limits: &IndexLimits,
) -> DropPlan {
    let AssessedIndexes { subjects, verdicts, needs } = evaluate_indexes(snapshot, db, history, limits);
    DropPlan::new(db.database.clone(), *limits, verdicts, needs, &subjects)
}

/// Returns the verdicts only, for callers that select nothing.
pub fn assess_indexes(
    snapshot: &Snapshot,
    db: &DatabaseSnapshot,
    history: Option<&DatabaseIndexHistory>,
    limits: &IndexLimits,
) -> IndexAssessment {
    let verdicts = evaluate_indexes(snapshot, db, history, limits).verdicts;
    IndexAssessment { database: db.database.clone(), verdicts, limits: *limits }
}

/// Verdicts on all indexes of a database, in the order of the subjects, and the needs to preserve.
struct AssessedIndexes<'a> {
    subjects: Vec<IndexSubject<'a>>,
    verdicts: Vec<IndexVerdict>,
    needs: Vec<Need>,
}

fn evaluate_indexes<'a>(
    snapshot: &Snapshot,
    db: &'a DatabaseSnapshot,
    history: Option<&DatabaseIndexHistory>,
    limits: &IndexLimits,
) -> AssessedIndexes<'a> {
    let replicas: Vec<&Replica> = snapshot.replicas.iter().filter(|replica| replica.database == db.database).collect();
    let window = Window::from_snapshot(snapshot, db, history);
    let mut subjects = collect_subjects(db, &replicas, history, &window);
    let pairs = cover::comparable_pairs(&subjects);
    cover::mark_unread(&mut subjects, &pairs, db);
    let covers = cover::collect_covers(&subjects, &pairs);
    let mut needs = needs::collect_needs(&subjects, &covers, db);
    let evidence = ScanEvidence::new(snapshot, db, &replicas, window, limits);
    let mut caps = collect_caps(&subjects, &needs, db);
    let is_droppable =
        |position: usize| caps[position].iter().all(|cap| cap.of_counters || cap.max_verdict > Verdict::Keep);

    let duplicates = duplicate::find_duplicates(&subjects, &covers, &is_droppable);
    // The planner may use any index of a duplicate group, so their scans are added up.
    let scans = duplicate::group_scans(&subjects, &duplicates);
    let mut found: Vec<Vec<RawFinding>> = Vec::with_capacity(subjects.len());
    for (position, subject) in subjects.iter().enumerate() {
        let raw_findings = match invalid::evaluate_invalid(subject, db, snapshot.collected_at) {
            Some(invalid) => vec![invalid],
            None => {
                let duplicate = duplicate::evaluate_duplicate(position, &subjects, &duplicates);
                let of_counters = unused::evaluate_unused(subject, scans[position], &evidence)
                    .or_else(|| {
                        rarely_used::evaluate_rarely_used(subject, scans[position], &evidence, snapshot.collected_at)
                    })
                    .map(|finding| apply_evidence(finding, &evidence, subject));
                let count = usize::from(duplicate.is_some()) + usize::from(of_counters.is_some());
                // Exact capacity: most have one, and there may be a hundred thousand.
                let mut raw_findings = Vec::with_capacity(count);
                raw_findings.extend(duplicate.into_iter().chain(of_counters));
                raw_findings
            }
        };
        found.push(raw_findings);
    }
    let in_doubt = covers_in_doubt(&subjects, &found, &is_droppable);
    let correlations = redundant::column_correlations(db);
    let mut covers_of: HashMap<usize, Vec<&Cover>> = HashMap::new();
    for cover in &covers {
        covers_of.entry(cover.candidate).or_default().push(cover);
    }
    for position in redundant::widest_first(&subjects, &covers) {
        if !subjects[position].is_sound() || duplicates.contains_key(&position) {
            continue;
        }
        let is_dropped = |position: usize| {
            found[position]
                .iter()
                .any(|finding| finding.finding == IndexFinding::RedundantIndex && finding.verdict == Verdict::Drop)
        };
        let is_kept = |covering: usize| !duplicates.contains_key(&covering) && !is_dropped(covering);
        let own_covers = covers_of.get(&position).map_or(&[][..], Vec::as_slice);
        let redundant =
            redundant::evaluate_redundant(position, &subjects, own_covers, &is_kept, &in_doubt, &correlations, limits);
        found[position].extend(redundant);
    }

    for (position, subject) in subjects.iter().enumerate() {
        let is_candidate = found[position].iter().any(|finding| finding.of_counters && finding.verdict > Verdict::Keep);
        // Selecting a rarely used index implies that its scans may use other plans.
        if subject.scans > 0 && !is_candidate && subject.root.is_none() {
            let mut supporters = vec![subject.index.oid];
            let own_covers = covers_of.get(&position).into_iter().flatten();
            supporters.extend(own_covers.map(|cover| subjects[cover.covering].index.oid));
            needs.push(Need { kind: NeedKind::Scans(subject.scans), index_oid: subject.index.oid, supporters });
        }
    }
    let mut verdicts: Vec<IndexVerdict> = Vec::with_capacity(subjects.len());
    for (position, subject) in subjects.iter().enumerate() {
        // Frees the caps one by one: there may be a hundred thousand.
        let caps = std::mem::take(&mut caps[position]);
        let mut verdict = conclude_verdict(subject, &mut found[position], &caps, &subjects, limits);
        index_bloat::add_bloat_finding(&mut verdict, subject, db, snapshot.server.version_num, limits);
        verdicts.push(verdict);
    }
    plan::make_sound(&mut verdicts, &needs, &subjects);
    fill_covered_by(&mut verdicts, &found, &subjects);
    AssessedIndexes { subjects, verdicts, needs }
}

/// Returns the limits of each index's verdict.
fn collect_caps(subjects: &[IndexSubject<'_>], needs: &[Need], db: &DatabaseSnapshot) -> Vec<Vec<VerdictCap>> {
    let mut needs_of: OidMap<Vec<&Need>> = OidMap::default();
    for need in needs {
        for oid in &need.supporters {
            needs_of.entry(*oid).or_default().push(need);
        }
    }
    let dependencies = needs::Dependencies::new(db);
    let own_needs = |subject: &IndexSubject<'_>| needs_of.get(&subject.index.oid).map_or(&[][..], Vec::as_slice);
    subjects.iter().map(|subject| find_hazards(subject, own_needs(subject), &dependencies, db)).collect()
}

/// Returns which indexes cannot be relied on to cover another: they may be dropped without a replacement, or are
/// unusable.
fn covers_in_doubt(
    subjects: &[IndexSubject<'_>],
    found: &[Vec<RawFinding>],
    is_droppable: &dyn Fn(usize) -> bool,
) -> Vec<bool> {
    let positions: OidMap<usize> = subjects
        .iter()
        .enumerate()
        .filter(|(_, subject)| subject.index.is_partitioned)
        .map(|(position, subject)| (subject.index.oid, position))
        .collect();
    let doubtful = |position: usize| {
        is_droppable(position)
            && found[position].iter().any(|finding| finding.of_counters && finding.verdict > Verdict::Keep)
            || !subjects[position].is_sound()
    };
    let root = |position: usize| subjects[position].root.and_then(|root| positions.get(&root.oid).copied());
    (0..subjects.len()).map(|position| doubtful(position) || root(position).is_some_and(doubtful)).collect()
}

/// Lowers a finding to what the evidence allows, and adds the reasons.
fn apply_evidence(mut found: RawFinding, evidence: &ScanEvidence, subject: &IndexSubject<'_>) -> RawFinding {
    for cap in evidence.caps(subject).filter(|cap| cap.max_verdict < Verdict::Drop) {
        found.verdict = found.verdict.min(cap.max_verdict);
        // Exact capacity: there may be a hundred thousand.
        found.reasons.reserve_exact(1);
        found.reasons.push(cap.reason.clone());
    }
    if let Some(cap) = evidence.own_reset_cap(subject) {
        found.verdict = found.verdict.min(cap.max_verdict);
        found.reasons.push(cap.reason);
    }
    if let Some(reason) = evidence.too_young(subject) {
        found.verdict = found.verdict.min(Verdict::Review);
        found.reasons.push(reason);
    }
    found
}

/// Builds the verdict: the best finding counts, within its limits. Takes the findings' reasons.
fn conclude_verdict(
    subject: &IndexSubject<'_>,
    found: &mut [RawFinding],
    caps: &[VerdictCap],
    subjects: &[IndexSubject<'_>],
    limits: &IndexLimits,
) -> IndexVerdict {
    let capped = |raw_finding: &RawFinding| {
        let stops = caps.iter().filter(|cap| raw_finding.of_counters || !cap.of_counters).map(|cap| cap.max_verdict);
        stops.fold(raw_finding.verdict, Verdict::min)
    };
    found.sort_by_cached_key(|raw_finding| (std::cmp::Reverse(capped(raw_finding)), raw_finding.finding));
    let mut verdict = found.first().map_or(Verdict::Keep, capped);
    let most = caps.len() + found.iter().map(|raw_finding| raw_finding.reasons.len()).sum::<usize>();
    let mut reasons: Vec<Reason> = Vec::with_capacity(most);
    let mut add = |reason: Reason| {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    };
    // For `keep` the reasons to keep it come first, otherwise the findings.
    if verdict == Verdict::Keep {
        caps.iter().filter(|cap| cap.max_verdict == Verdict::Keep).for_each(|cap| add(cap.reason.clone()));
        if subject.scans > 0 {
            add(Reason::InUse { idx_scan: subject.scans });
        }
    }
    for finding in &mut *found {
        std::mem::take(&mut finding.reasons).into_iter().for_each(&mut add);
    }
    if !found.is_empty() {
        let counters = found.iter().any(|raw_finding| raw_finding.of_counters);
        caps.iter().filter(|cap| !cap.of_counters || counters).for_each(|cap| add(cap.reason.clone()));
    }
    if let Some(name) = subject.index.constraint_name.as_ref().filter(|_| !found.is_empty())
        && subject.index.constraint.is_some()
    {
        add(Reason::MatterForAlterTable { constraint: name.clone() });
    }
    if reasons.is_empty() {
        match (&subject.index.constraint_name, subject.index.is_unique) {
            (Some(constraint), true) => reasons.push(Reason::UniqueConstraint { constraint: constraint.clone() }),
            (None, true) => reasons.push(Reason::EnforcesUniqueness),
            _ => {}
        }
    }
    // A few pages are not worth a migration.
    let is_small = subject.index.is_valid && subject.bytes < limits.min_reclaim_bytes;
    if is_small && verdict > Verdict::Keep {
        verdict = Verdict::Keep;
        let why = Reason::TooSmall { size_bytes: subject.bytes, min_reclaim_bytes: limits.min_reclaim_bytes };
        reasons.insert(0, why);
    }
    let kept_by_catalog = caps.iter().any(|cap| cap.max_verdict == Verdict::Keep && !cap.of_counters);
    let confidence = match found.first() {
        _ if verdict == Verdict::Keep && kept_by_catalog => Confidence::Proven,
        Some(finding) => finding.confidence,
        None => Confidence::Likely,
    };
    // An index that is being built or awaits its partitions is invalid only for now, which is no finding.
    let is_finding = |raw: &&RawFinding| raw.finding != IndexFinding::InvalidIndex || raw.verdict > Verdict::Keep;
    let mut findings: Vec<IndexFinding> = found.iter().filter(is_finding).map(|raw| raw.finding).collect();
    findings.dedup();
    reasons.shrink_to_fit();
    let covered_by = found.iter().flat_map(|raw_finding| raw_finding.covered_by.iter());
    IndexVerdict {
        oid: subject.index.oid,
        verdict,
        confidence,
        findings,
        reasons,
        covered_by: covered_by.map(|position| subjects[*position].index.index.clone()).collect(),
        gain: Gain { bytes: subject.bytes, writes: subject.writes },
        rank_score: subject.drop_benefit(),
    }
}

/// Names the covering indexes that stay. A drop that loses them all to a conclusion from counters rests on counters
/// itself.
fn fill_covered_by(verdicts: &mut [IndexVerdict], found: &[Vec<RawFinding>], subjects: &[IndexSubject<'_>]) {
    let dropped: HashSet<usize> =
        (0..subjects.len()).filter(|position| verdicts[*position].verdict == Verdict::Drop).collect();
    for (position, verdict) in verdicts.iter_mut().enumerate() {
        let mut names: Vec<&str> = Vec::new();
        for covering in found[position].iter().flat_map(|finding| &finding.covered_by) {
            let name = subjects[*covering].index.index.as_str();
            if !dropped.contains(covering) && !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() && !verdict.covered_by.is_empty() && verdict.verdict == Verdict::Drop {
            verdict.confidence = Confidence::Likely;
        }
        verdict.covered_by = names.into_iter().map(str::to_owned).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Shop;
    use super::*;
    use crate::facts::{Fact, ForeignKey};

    /// Sixty thousand indexes on twenty thousand tables that refer to each other: nothing may be quadratic.
    #[test]
    fn indexes_evaluation_is_linear() {
        let mut shop = Shop::default();
        shop.index("key", &[1]).unique();
        shop.index("a", &[2]).scans(500);
        shop.index("twin", &[2]).scans(500);
        let (snapshot, mut db) = shop.snapshot();
        let (Fact::Known(tables), Fact::Known(indexes)) = (&mut db.tables, &mut db.indexes) else {
            panic!("made by hand")
        };
        let facts = &mut db.index_facts;
        let (Fact::Known(keys), Fact::Known(references)) = (&mut facts.keys, &mut facts.foreign_keys) else {
            panic!("made by hand")
        };
        let (table, three, of_three) = (tables[0].clone(), indexes.clone(), keys.clone());
        for number in 1..20_000 {
            let mut table = table.clone();
            table.oid += number * 10;
            references.push(ForeignKey {
                constraint_name: format!("fk_{number}"),
                table_oid: table.oid,
                column_numbers: vec![2],
                target_index_oid: three[0].oid,
                is_enforced: true,
            });
            for index in &three {
                let mut index = index.clone();
                index.oid += 1_000_000 + number * 10;
                index.table_oid = table.oid;
                keys.insert(index.oid, of_three[&(index.oid - 1_000_000 - number * 10)].clone());
                indexes.push(index);
            }
            tables.push(table);
        }
        let began = std::time::Instant::now();
        let plan = plan_drops(&snapshot, &db, None, &shop.limits);
        let drops = plan.verdicts().iter().filter(|index_verdict| index_verdict.verdict == Verdict::Drop).count();
        assert_eq!((plan.verdicts().len(), drops), (60_000, 20_000));
        // An unoptimised build on a busy machine; a quadratic algorithm would take minutes.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
