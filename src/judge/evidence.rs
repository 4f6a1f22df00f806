//! What there is to judge by: the look of now, earlier ones, and what several checks share.

use super::{index, slot};
use crate::model::{
    Contents, Fact, IndexJudgement, IndexLimits, Setting, ShellCommand, Slot, Snapshot, Unavailable, code_span, grant,
    past::{Counters, Memory},
};
use std::cell::OnceCell;

/// One look, and what is known of those before it.
pub struct Evidence<'a> {
    pub snapshot: &'a Snapshot,
    /// What is remembered of the server.
    pub memory: Memory,
    before: Option<Counters>,
    slot_limits: slot::Limits,
    index_limits: IndexLimits,
    slots: OnceCell<Vec<slot::Judgement>>,
    indexes: OnceCell<Vec<IndexJudgement>>,
}

impl<'a> Evidence<'a> {
    pub fn new(snapshot: &'a Snapshot, memory: Memory) -> Evidence<'a> {
        Evidence {
            snapshot,
            memory,
            before: None,
            slot_limits: slot::Limits::default(),
            index_limits: IndexLimits::default(),
            slots: OnceCell::new(),
            indexes: OnceCell::new(),
        }
    }

    /// Judges slots and indexes by other limits than the usual ones.
    #[must_use]
    pub fn limited(self, slot_limits: slot::Limits, index_limits: IndexLimits) -> Evidence<'a> {
        Evidence { slot_limits, index_limits, ..self }
    }

    /// The counters of the look before.
    pub fn before(&self) -> Option<&Counters> {
        self.before.as_ref()
    }

    /// Remembers the counters of a look; the newest before this one is what is compared with.
    #[must_use]
    pub fn after(mut self, counters: Option<Counters>) -> Evidence<'a> {
        let now = self.snapshot.collected_at;
        let newer = |one: &Counters| {
            one.collected_at < now && self.before.as_ref().is_none_or(|other| other.collected_at < one.collected_at)
        };
        if let Some(counters) = counters.filter(newer) {
            self.before = Some(counters);
        }
        self
    }

    /// Every slot with its judgement.
    pub fn slots(&self) -> Result<impl Iterator<Item = (&'a Slot, &slot::Judgement)>, Unavailable> {
        let slots = self.snapshot.slots.as_result().map_err(Clone::clone)?;
        let judged = self.slots.get_or_init(|| {
            let evidence = slot::Evidence { snapshot: self.snapshot, memory: &self.memory, limits: &self.slot_limits };
            slots.iter().map(|slot| evidence.judge(slot)).collect()
        });
        Ok(slots.iter().zip(judged))
    }

    /// The verdicts on the indexes of every database that was read.
    pub fn indexes(&self) -> impl Iterator<Item = (&'a Contents, &IndexJudgement)> {
        let judged = self.indexes.get_or_init(|| {
            let contents = self.snapshot.contents.iter();
            let judge = |one: &Contents| {
                index::judge(self.snapshot, one, self.memory.indexes_of(&one.database), &self.index_limits)
            };
            contents.map(|one| judge(one).into_judgement()).collect()
        });
        self.snapshot.contents.iter().zip(judged)
    }

    /// A setting; one that is missing is hidden from the role, or unknown to this version.
    pub fn setting(&self, name: &str) -> Result<&'a Setting, Unavailable> {
        let settings = self.snapshot.settings.as_result().map_err(Clone::clone)?;
        settings.get(name).ok_or_else(|| self.missing_setting(name))
    }

    /// Why a setting is not there: nothing is hidden from a member of pg_monitor.
    pub fn missing_setting(&self, name: &str) -> Unavailable {
        let server = &self.snapshot.server;
        if server.role_is_superuser || server.role_is_monitor {
            return Unavailable::because("settings", format!("{name} was not asked for"));
        }
        self.hidden("settings", &format!("{name} is hidden from this role"))
    }

    /// A setting that is a plain number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.snapshot.settings.known()?.get(name)?.setting.parse().ok()
    }

    /// Something that a member of pg_monitor would see.
    pub fn hidden(&self, fact: &str, reason: &str) -> Unavailable {
        Unavailable::because(fact, reason).with_hint(Some(grant("pg_monitor", &self.snapshot.server.role)))
    }

    /// Whole seconds from a time until the look.
    pub fn seconds_since(&self, at: jiff::Timestamp) -> u64 {
        u64::try_from(self.snapshot.collected_at.duration_since(at).as_secs()).unwrap_or(0)
    }
}

/// What is known of a fact of every database that was read, and why the rest is not.
pub fn of_databases<'a, T: 'a>(
    snapshot: &'a Snapshot,
    fact: impl Fn(&'a Contents) -> &'a Fact<T>,
    answer: &mut super::Answer,
) -> Vec<(&'a Contents, &'a T)> {
    let mut known = Vec::new();
    for contents in &snapshot.contents {
        match fact(contents).as_result() {
            Ok(value) => known.push((contents, value)),
            Err(why) => answer.missing(&Unavailable {
                reason: format!("in database {}: {}", contents.database, why.reason),
                ..why.clone()
            }),
        }
    }
    for skipped in snapshot.skipped.iter().filter(|one| snapshot.is_missed(one)) {
        let reason = format!("database {} was skipped: {}", skipped.database, skipped.reason);
        answer.missing(&Unavailable::because("database contents", reason).with_hint(skipped.hint.clone()));
    }
    known
}

/// The command that shows the evidence on a slot, as a code span.
pub fn slots_why(slot_name: &str) -> String {
    code_span(&ShellCommand::new("pgtend slots why").operand(slot_name).to_string())
}

/// A relation's name for people and for silences: `shop/public.orders`.
pub fn subject(database: &str, schema: &str, name: &str) -> String {
    format!("{database}/{schema}.{name}")
}
