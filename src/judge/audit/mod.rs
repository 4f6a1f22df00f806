//! The pre-downscale storage audit: how small may the new volume be, and what must happen first.
//!
//! Everything is a term with an amount, an interval and a confidence. What could not be read leaves the sum open: then
//! there is a lower bound, and no sum.

mod amount;
mod assumptions;
mod contents;
mod cost;
mod disk;
mod finding;
mod given;
mod prediction;
mod room;
mod slot_wal;
mod term;
mod unread;
mod used;
mod way;

pub use amount::Amount;
pub use assumptions::Assumptions;
pub use contents::Inside;
pub use cost::Cost;
pub use disk::{Disk, GIB, Sizes};
pub use finding::{Finding, Severity, What};
pub use given::{Given, Said};
pub use prediction::{Predicted, predicted};
pub use term::{Confidence, Group, GrowthSource, Kind, Term, WalSource, known_sum, sum};
pub use way::{Arrival, Way};

use crate::{
    judge::slot,
    model::{IndexLimits, Snapshot, Unavailable, past::Memory},
};
use serde::Serialize;

/// What an audit is made of.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub snapshot: &'a Snapshot,
    /// What earlier looks at the same server saw.
    pub memory: &'a Memory,
    pub assumptions: &'a Assumptions,
    pub slot_limits: &'a slot::Limits,
    pub index_limits: &'a IndexLimits,
}

/// A database before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseLine {
    pub database: String,
    pub bytes: Option<u64>,
    /// As it is now, copied block by block.
    pub after_physical_copy: Option<u64>,
    /// As it is now, copied row by row, as `pg_database_size` would measure the copy.
    pub after_logical_copy: Option<Amount>,
    pub missing: Option<Unavailable>,
}

/// Whether a volume is large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fits {
    Yes,
    /// It would hold today's data, without room for growth and margin.
    OnlyNow,
    No,
    CannotTell,
}

#[derive(Debug)]
pub struct Audit<'a> {
    pub terms: Vec<Term>,
    pub used: Option<Amount>,
    pub reclaimable: Option<Amount>,
    pub databases: Vec<DatabaseLine>,
    pub inside: Vec<Inside<'a>>,
    /// The chosen way first.
    pub ways: Vec<Arrival>,
    pub findings: Vec<Finding>,
    pub cost: Option<Cost>,
    pub fits: Option<Fits>,
}

impl Audit<'_> {
    /// The chosen way.
    pub fn chosen(&self) -> Option<&Arrival> {
        self.ways.first()
    }

    fn of_group(&self, group: Group) -> impl Iterator<Item = &Term> + Clone {
        self.terms.iter().filter(move |term| term.group == group)
    }

    pub fn group(&self, group: Group) -> Vec<&Term> {
        self.of_group(group).collect()
    }
}

/// Everything at once, from one look.
pub fn audit<'a>(evidence: &Evidence<'a>) -> Audit<'a> {
    let Evidence { snapshot, memory, assumptions, slot_limits, index_limits } = *evidence;
    let mut terms = used::used(snapshot, assumptions);
    let used = sum(terms.iter());
    let slots = slot_wal::reclaimable(&slot::Evidence { snapshot, memory, limits: slot_limits });
    let (mut inside, mut unread) = (Vec::new(), Vec::new());
    for contents in &snapshot.contents {
        match contents::inside(snapshot, contents, memory, index_limits) {
            Ok(one) => inside.push(one),
            Err(why) => unread.push((contents.database.clone(), why)),
        }
    }
    for skipped in &snapshot.skipped {
        let why = Unavailable::because("database contents", skipped.reason.clone()).with_hint(skipped.hint.clone());
        unread.push((skipped.database.clone(), why));
    }
    let databases = databases(snapshot, &inside, &unread);
    let mut reclaim = slots.clone();
    for one in &mut inside {
        reclaim.append(&mut one.terms);
    }
    reclaim.extend(snapshot.contents.iter().filter_map(|one| unread::unread(snapshot, one, index_limits)));
    for (database, why) in &unread {
        let bytes = databases.iter().find(|it| it.database == *database).and_then(|it| it.bytes);
        // A template holds nothing worth looking for.
        if bytes.is_none_or(|bytes| bytes > 32 << 20) {
            let kind = Kind::UnreadDatabase { database: database.clone() };
            // Less is reclaimed than could be: the sum stays on the safe side.
            reclaim.push(Term::unknown(Group::Reclaimable, kind, why.clone(), bytes).not_counted());
        }
    }
    let reclaimable = sum(reclaim.iter());
    let wal_now = terms.iter().find(|term| term.kind == Kind::WalDirectory).and_then(|term| term.amount);
    let clean_wal = wal_now.map(|wal| wal.minus(known_sum(slots.iter())));
    let largest = inside.iter().filter_map(|one| one.largest_index.clone()).max_by_key(|(_, bytes)| *bytes);
    let of_unread = databases.iter().filter(|it| unread.iter().any(|(name, _)| *name == it.database));
    let largest_unread = of_unread.map(|it| it.bytes.unwrap_or(0)).max();
    let rooms = vec![
        room::wal_room(snapshot, assumptions, memory, clean_wal),
        room::rebuild_room(snapshot, largest, largest_unread),
    ];
    let growth = room::growth(snapshot, assumptions, memory);
    let sum_of = Sum { used_terms: &terms, reclaim: &reclaim, slots: &slots, rooms: &rooms, growth: &growth };
    let mut ways: Vec<Arrival> =
        Way::ALL.iter().map(|way| sum_of.arrival(*way, &databases, &inside, assumptions)).collect();
    ways.sort_by_key(|it| (it.way != assumptions.way, !it.is_offered));
    terms.extend(reclaim);
    terms.extend(rooms);
    terms.push(growth);
    let share = assumptions.margin;
    let margin = ways.first().and_then(|it| it.recommended).map(|it| it.map(|bytes| (bytes as f64 * share) as u64));
    terms.push(Term {
        amount: Some(margin.unwrap_or_default()).filter(|_| margin.is_some()),
        ..Term::known(Group::Room, Kind::Margin { share }, Amount::default(), Confidence::Measured)
    });
    let recommended = ways.first().and_then(|it| it.recommended).map(|it| it.bytes);
    let seen_bytes = known_sum(terms.iter().filter(|it| is_seen(it))).bytes;
    let findings = finding::findings(snapshot, assumptions.way, assumptions, seen_bytes, recommended);
    let fits = assumptions.target_bytes.map(|target| fits(target, ways.first()));
    let cost = cost::cost(assumptions, recommended);
    Audit { terms, used, reclaimable, databases, inside, ways, findings, cost, fits }
}

/// What SQL sees of what is used.
fn is_seen(term: &Term) -> bool {
    term.group == Group::Used && !matches!(term.kind, Kind::OutsideSql { .. })
}

fn databases(snapshot: &Snapshot, inside: &[Inside<'_>], unread: &[(String, Unavailable)]) -> Vec<DatabaseLine> {
    let known = snapshot.databases.known().into_iter().flatten();
    let lines = known.map(|one| {
        let read = inside.iter().find(|it| it.database == one.database);
        // Templates and empty databases come with every cluster.
        let untouched = (one.is_template || !one.allows_connections).then_some(one.bytes).flatten();
        let missing = unread.iter().find(|(name, _)| *name == one.database).map(|(_, why)| why.clone());
        DatabaseLine {
            database: one.database.clone(),
            bytes: one.bytes,
            after_physical_copy: one.bytes,
            after_logical_copy: read.map(|it| it.forecast.total.into()).or(untouched.map(Amount::exactly)),
            missing: if read.is_some() || untouched.is_some() { None } else { missing },
        }
    });
    lines.collect()
}

struct Sum<'a> {
    used_terms: &'a [Term],
    reclaim: &'a [Term],
    slots: &'a [Term],
    rooms: &'a [Term],
    growth: &'a Term,
}

impl Sum<'_> {
    fn arrival(
        &self,
        way: Way,
        databases: &[DatabaseLine],
        inside: &[Inside<'_>],
        assumptions: &Assumptions,
    ) -> Arrival {
        let is_database = |term: &&Term| matches!(term.kind, Kind::Databases { .. });
        // Temporary files end with their queries; room for them is a term of its own.
        let is_temporary = |term: &&Term| matches!(term.kind, Kind::TemporaryFiles);
        let beside = self.used_terms.iter().filter(|term| !is_database(term) && !is_temporary(term));
        let slots = known_sum(self.slots.iter());
        let open = |terms: &[Term]| terms.iter().any(Term::leaves_open);
        let (arriving, known) = if way.is_physical() {
            let reclaimed = known_sum(self.reclaim.iter());
            let stays = self.used_terms.iter().filter(|term| !is_temporary(term));
            let known = known_sum(stays.clone()).minus(reclaimed);
            (sum(stays).map(|used| used.minus(reclaimed)).filter(|_| !open(self.slots)), known)
        } else {
            let mut arrives = Some(Amount::default());
            let mut known = Amount::default();
            for line in databases {
                let logical = inside.iter().find(|it| it.database == line.database).map(|it| it.logical);
                // What was not read inside arrives as it is at most.
                let unread = line.bytes.map(|bytes| match line.after_logical_copy {
                    Some(_) => Amount::exactly(bytes),
                    None => Amount::between(bytes / 4, bytes, bytes),
                });
                let one = logical.or(unread);
                arrives = arrives.zip(one).map(|(sum, one)| sum.plus(one));
                known = known.plus(one.unwrap_or_default());
            }
            let arrives = arrives.filter(|_| !databases.is_empty());
            let left = known_sum(beside.clone()).minus(slots);
            let all = sum(beside).map(|beside| beside.minus(slots)).filter(|_| !open(self.slots));
            (arrives.zip(all).map(|(a, b)| a.plus(b)), known.plus(left))
        };
        let sizes = Sizes::of(assumptions.provider, assumptions.storage_type);
        let rooms = sum(self.rooms.iter());
        let with_rule = |room: Amount, arriving: Amount| {
            arriving.plus(room).larger(arriving.map(|bytes| disk::demanded(way, bytes)))
        };
        let minimum = arriving.zip(rooms).map(|(arriving, rooms)| with_rule(rooms, arriving));
        let margin = |bytes: u64| (bytes as f64 / (1.0 - assumptions.margin)).ceil() as u64;
        let grown = minimum.zip(self.growth.amount).map(|(minimum, growth)| minimum.plus(growth));
        let at_least = with_rule(known_sum(self.rooms.iter()), known).low_bytes;
        Arrival {
            way,
            is_physical: way.is_physical(),
            is_offered: way.is_offered_by(assumptions.provider),
            arrives: arriving,
            minimum: minimum.map(|it| it.map(|bytes| sizes.holding(bytes))),
            recommended: grown.map(|it| it.map(|bytes| sizes.holding(margin(bytes)))),
            at_least_bytes: sizes.holding(at_least),
        }
    }
}

fn fits(target: u64, chosen: Option<&Arrival>) -> Fits {
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
