//! Which indexes may go, and how we know.
//!
//! Every index gets a verdict; all verdicts of a database together are a [`Plan`] that is sound as a whole: whatever is
//! selected of its drops, everything in use and everything enforced keeps an index that does it.

mod bloated;
mod cover;
mod duplicate;
mod evidence;
mod hazards;
mod invalid;
mod needs;
mod pairs;
mod plan;
mod rarely_used;
mod redundant;
mod signature;
mod subject;
#[cfg(test)]
mod testing;
mod unused;

pub(super) use bloated::is_worth_rebuilding;
pub use needs::{Need, NeedKind};
pub use plan::{Plan, Refusal, select};

use crate::model::{
    Confidence, Contents, CoverKind, Gain, IndexFinding, IndexJudgement, IndexLimits, IndexVerdict, OidMap, Reason,
    Replica, Snapshot, Verdict, Window, past::IndexesPast,
};
use evidence::Evidence;
use hazards::{Cap, hazards};
use std::collections::{HashMap, HashSet};
use subject::{Subject, subjects};

/// One index that could do another's work; both by their place among the subjects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cover {
    victim: usize,
    keeper: usize,
    kind: CoverKind,
}

/// One thing found about an index, before what stands in its way is counted in.
pub(crate) struct Found {
    finding: IndexFinding,
    verdict: Verdict,
    confidence: Confidence,
    /// Rests on scan counters.
    of_counters: bool,
    reasons: Vec<Reason>,
    covered_by: Vec<usize>,
}

/// Judges all indexes of one database; `past` is what the samples know of them.
pub fn judge(snapshot: &Snapshot, contents: &Contents, past: Option<&IndexesPast>, limits: &IndexLimits) -> Plan {
    let Weighed { subjects, verdicts, needs } = weigh(snapshot, contents, past, limits);
    Plan::new(contents.database.clone(), *limits, verdicts, needs, &subjects)
}

/// The verdicts alone, for those who select nothing.
pub fn judgement(
    snapshot: &Snapshot,
    contents: &Contents,
    past: Option<&IndexesPast>,
    limits: &IndexLimits,
) -> IndexJudgement {
    let verdicts = weigh(snapshot, contents, past, limits).verdicts;
    IndexJudgement { database: contents.database.clone(), verdicts, limits: *limits }
}

/// The verdicts on all indexes of a database, each at the place of its subject, and what they leave in place.
struct Weighed<'a> {
    subjects: Vec<Subject<'a>>,
    verdicts: Vec<IndexVerdict>,
    needs: Vec<Need>,
}

fn weigh<'a>(
    snapshot: &Snapshot,
    contents: &'a Contents,
    past: Option<&IndexesPast>,
    limits: &IndexLimits,
) -> Weighed<'a> {
    let replicas: Vec<&Replica> =
        snapshot.replicas.iter().filter(|replica| replica.database == contents.database).collect();
    let window = Window::of(snapshot, contents, past);
    let mut all = subjects(contents, &replicas, past, &window);
    let pairs = pairs::comparable(&all);
    pairs::mark_unread(&mut all, &pairs, contents);
    let covers = pairs::covers(&all, &pairs);
    let mut needs = needs::needs(&all, &covers, contents);
    let evidence = Evidence::of(snapshot, contents, &replicas, window, limits);
    let mut caps = caps(&all, &needs, contents);
    let may_go = |at: usize| caps[at].iter().all(|cap| cap.of_counters || cap.most > Verdict::Keep);

    let twins = duplicate::twins(&all, &covers, &may_go);
    // The planner chooses among twins as it likes: their scans are one sum.
    let scans = duplicate::scans_of_sets(&all, &twins);
    let mut found: Vec<Vec<Found>> = Vec::with_capacity(all.len());
    for (at, subject) in all.iter().enumerate() {
        let here = match invalid::judge(subject, contents, snapshot.collected_at) {
            Some(invalid) => vec![invalid],
            None => {
                let duplicate = duplicate::judge(at, &all, &twins);
                let of_counters = unused::judge(subject, scans[at], &evidence)
                    .or_else(|| rarely_used::judge(subject, scans[at], &evidence, snapshot.collected_at))
                    .map(|one| limited(one, &evidence, subject));
                let count = usize::from(duplicate.is_some()) + usize::from(of_counters.is_some());
                // As many as there are: most have one, and there may be a hundred thousand.
                let mut here = Vec::with_capacity(count);
                here.extend(duplicate.into_iter().chain(of_counters));
                here
            }
        };
        found.push(here);
    }
    let in_doubt = in_doubt(&all, &found, &may_go);
    let correlations = redundant::correlations(contents);
    let mut covers_of: HashMap<usize, Vec<&Cover>> = HashMap::new();
    for cover in &covers {
        covers_of.entry(cover.victim).or_default().push(cover);
    }
    for at in redundant::widest_first(&all, &covers) {
        if !all[at].is_sound() || twins.contains_key(&at) {
            continue;
        }
        let gone = |at: usize| {
            found[at].iter().any(|one| one.finding == IndexFinding::RedundantIndex && one.verdict == Verdict::Drop)
        };
        let stays = |keeper: usize| !twins.contains_key(&keeper) && !gone(keeper);
        let of_this = covers_of.get(&at).map_or(&[][..], Vec::as_slice);
        let one = redundant::judge(at, &all, of_this, &stays, &in_doubt, &correlations, limits);
        found[at].extend(one);
    }

    for (at, subject) in all.iter().enumerate() {
        let is_candidate = found[at].iter().any(|one| one.of_counters && one.verdict > Verdict::Keep);
        // Whoever selects a rarely used index has decided that its scans may go elsewhere.
        if subject.scans > 0 && !is_candidate && subject.root.is_none() {
            let mut supporters = vec![subject.index.oid];
            let of_this = covers_of.get(&at).into_iter().flatten();
            supporters.extend(of_this.map(|cover| all[cover.keeper].index.oid));
            needs.push(Need { kind: NeedKind::Scans(subject.scans), of: subject.index.oid, supporters });
        }
    }
    let mut verdicts: Vec<IndexVerdict> = Vec::with_capacity(all.len());
    for (at, subject) in all.iter().enumerate() {
        // What was weighed is given back one by one: there may be a hundred thousand.
        let caps = std::mem::take(&mut caps[at]);
        let mut verdict = conclude(subject, &mut found[at], &caps, &all, limits);
        bloated::note(&mut verdict, subject, contents, limits);
        verdicts.push(verdict);
    }
    plan::make_sound(&mut verdicts, &needs, &all);
    name_survivors(&mut verdicts, &found, &all);
    Weighed { subjects: all, verdicts, needs }
}

/// What stands in each one's way.
fn caps(all: &[Subject<'_>], needs: &[Need], contents: &Contents) -> Vec<Vec<Cap>> {
    let mut needs_of: OidMap<Vec<&Need>> = OidMap::default();
    for need in needs {
        for oid in &need.supporters {
            needs_of.entry(*oid).or_default().push(need);
        }
    }
    let dependencies = needs::Dependencies::of(contents);
    let of_this = |subject: &Subject<'_>| needs_of.get(&subject.index.oid).map_or(&[][..], Vec::as_slice);
    all.iter().map(|subject| hazards(subject, of_this(subject), &dependencies, contents)).collect()
}

/// A cover that may vanish with nothing in its place carries nobody.
fn in_doubt(all: &[Subject<'_>], found: &[Vec<Found>], may_go: &dyn Fn(usize) -> bool) -> Vec<bool> {
    let place: OidMap<usize> = all
        .iter()
        .enumerate()
        .filter(|(_, one)| one.index.is_partitioned)
        .map(|(at, one)| (one.index.oid, at))
        .collect();
    let doubtful = |at: usize| {
        may_go(at) && found[at].iter().any(|one| one.of_counters && one.verdict > Verdict::Keep) || !all[at].is_sound()
    };
    let root = |at: usize| all[at].root.and_then(|root| place.get(&root.oid).copied());
    (0..all.len()).map(|at| doubtful(at) || root(at).is_some_and(doubtful)).collect()
}

/// A finding lowered to what the evidence allows, with why.
fn limited(mut found: Found, evidence: &Evidence, subject: &Subject<'_>) -> Found {
    for cap in evidence.caps(subject).filter(|cap| cap.most < Verdict::Drop) {
        found.verdict = found.verdict.min(cap.most);
        // No more room than is needed: there may be a hundred thousand.
        found.reasons.reserve_exact(1);
        found.reasons.push(cap.reason.clone());
    }
    if let Some(reason) = evidence.too_young(subject) {
        found.verdict = found.verdict.min(Verdict::Review);
        found.reasons.push(reason);
    }
    found
}

/// The best finding counts; what stands in the way caps it. Takes the findings' reasons.
fn conclude(
    subject: &Subject<'_>,
    found: &mut [Found],
    caps: &[Cap],
    all: &[Subject<'_>],
    limits: &IndexLimits,
) -> IndexVerdict {
    let capped = |one: &Found| {
        let stops = caps.iter().filter(|cap| one.of_counters || !cap.of_counters).map(|cap| cap.most);
        stops.fold(one.verdict, Verdict::min)
    };
    found.sort_by_cached_key(|one| (std::cmp::Reverse(capped(one)), one.finding));
    let mut verdict = found.first().map_or(Verdict::Keep, capped);
    let most = caps.len() + found.iter().map(|one| one.reasons.len()).sum::<usize>();
    let mut reasons: Vec<Reason> = Vec::with_capacity(most);
    let mut add = |reason: Reason| {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    };
    // What keeps it comes first where it is kept, what was found first where it is not.
    if verdict == Verdict::Keep {
        caps.iter().filter(|cap| cap.most == Verdict::Keep).for_each(|cap| add(cap.reason.clone()));
        if subject.scans > 0 {
            add(Reason::InUse { idx_scan: subject.scans });
        }
    }
    for one in &mut *found {
        std::mem::take(&mut one.reasons).into_iter().for_each(&mut add);
    }
    if !found.is_empty() {
        let counters = found.iter().any(|one| one.of_counters);
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
    // Nobody writes a migration for a few pages.
    let is_small = subject.index.is_valid && subject.bytes < limits.min_reclaim_bytes;
    if is_small && verdict > Verdict::Keep {
        verdict = Verdict::Keep;
        let why = Reason::TooSmall { size_bytes: subject.bytes, min_reclaim_bytes: limits.min_reclaim_bytes };
        reasons.insert(0, why);
    }
    let kept_by_catalog = caps.iter().any(|cap| cap.most == Verdict::Keep && !cap.of_counters);
    let confidence = match found.first() {
        _ if verdict == Verdict::Keep && kept_by_catalog => Confidence::Proven,
        Some(one) => one.confidence,
        None => Confidence::Likely,
    };
    let mut findings: Vec<IndexFinding> = found.iter().map(|one| one.finding).collect();
    findings.dedup();
    reasons.shrink_to_fit();
    let covered_by = found.iter().flat_map(|one| one.covered_by.iter());
    IndexVerdict {
        oid: subject.index.oid,
        verdict,
        confidence,
        findings,
        reasons,
        covered_by: covered_by.map(|at| all[*at].index.index.clone()).collect(),
        gain: Gain { bytes: subject.bytes, writes: subject.writes },
        worth: subject.worth(),
    }
}

/// Only indexes that stay can be said to cover; and what loses its cover to the counters rests on counters itself.
fn name_survivors(verdicts: &mut [IndexVerdict], found: &[Vec<Found>], all: &[Subject<'_>]) {
    let dropped: HashSet<usize> = (0..all.len()).filter(|at| verdicts[*at].verdict == Verdict::Drop).collect();
    for (at, verdict) in verdicts.iter_mut().enumerate() {
        let mut names: Vec<&str> = Vec::new();
        for keeper in found[at].iter().flat_map(|one| &one.covered_by) {
            let name = all[*keeper].index.index.as_str();
            if !dropped.contains(keeper) && !names.contains(&name) {
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
    use crate::model::{Fact, ForeignKey};

    /// Sixty thousand indexes on twenty thousand tables that refer to each other: nothing may be quadratic.
    #[test]
    fn many_tables_cost_as_much_as_they_are() {
        let mut shop = Shop::default();
        shop.index("key", &[1]).unique();
        shop.index("a", &[2]).scans(500);
        shop.index("twin", &[2]).scans(500);
        let (snapshot, mut contents) = shop.snapshot();
        let (Fact::Known(tables), Fact::Known(indexes)) = (&mut contents.tables, &mut contents.indexes) else {
            panic!("made by hand")
        };
        let facts = &mut contents.index_facts;
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
        let plan = judge(&snapshot, &contents, None, &shop.limits);
        let drops = plan.verdicts().iter().filter(|one| one.verdict == Verdict::Drop).count();
        assert_eq!((plan.verdicts().len(), drops), (60_000, 20_000));
        // Without optimisation, on a busy machine; what is quadratic takes minutes.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
