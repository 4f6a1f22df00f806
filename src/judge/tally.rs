//! From the answers of all checks to one status, and to what is worth a line.

use super::{Kind, NotApplicable, health::Asked};
use crate::model::{Class, Finding, Level, PrintedConnection, Reading, Silence, Status, Unavailable, Words};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How a night is counted.
#[derive(Clone, Debug, Default)]
pub struct Counting<'a> {
    /// Hygiene sets the status, too.
    pub hygiene: bool,
    /// Checks that must give an answer.
    pub required: BTreeSet<String>,
    pub silences: &'a [Silence],
    /// The target's name in the configuration.
    pub target: Option<&'a str>,
}

/// Why a check has nothing to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub check: String,
    /// `not configured`, `not enough history`, `not here`.
    pub kind: &'static str,
    pub message: Words,
}

/// A finding that somebody silenced.
#[derive(Clone, Debug, PartialEq)]
pub struct Silenced {
    pub finding: Finding,
    pub until: Timestamp,
    pub reason: String,
}

/// One target's night.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    pub status: Status,
    /// The worst first; what could not be told comes last.
    pub findings: Vec<Finding>,
    pub silenced: Vec<Silenced>,
    /// The checks that found nothing.
    pub clear: Vec<String>,
    pub notes: Vec<Note>,
    pub readings: Vec<(String, Reading)>,
    /// The checks that gave a full answer: what they found before and do not find now is over.
    pub answered: BTreeSet<String>,
}

/// Counts the answers together.
pub fn tally(asked: &[Asked], counting: &Counting<'_>, now: Timestamp) -> Tally {
    let silences: Vec<&Silence> =
        counting.silences.iter().filter(|silence| silence.holds(counting.target, now)).collect();
    let mut tally = Tally::nothing();
    for one in asked {
        let name = one.check.name.to_owned();
        if one.answer.kind() == Kind::Clear {
            tally.clear.push(name.clone());
        }
        if one.answer.unknown.is_empty() {
            tally.answered.insert(name.clone());
        }
        tally.readings.extend(one.answer.reading.clone().map(|reading| (name.clone(), reading)));
        for why in &one.answer.not_applicable {
            let (kind, message) = match why {
                NotApplicable::NotConfigured(words) => ("not configured", words),
                NotApplicable::NotEnoughHistory(words) => ("not enough history", words),
                NotApplicable::NotHere(words) => ("not here", words),
            };
            tally.notes.push(Note { check: name.clone(), kind, message: message.clone() });
        }
        for finding in one.findings().into_iter().chain(unknown(one)) {
            let covers = |silence: &&&Silence| match finding.level {
                Level::Unknown => silence.covers_check(&finding.check),
                _ => silence.covers(&finding),
            };
            match silences.iter().find(covers) {
                Some(silence) => {
                    let (until, reason) = (silence.until, silence.reason.clone());
                    tally.silenced.push(Silenced { finding, until, reason });
                }
                None => tally.findings.push(finding),
            }
        }
    }
    tally.settle(counting);
    tally
}

/// What could not be told, one finding a fact: several databases may lack the same one.
fn unknown(asked: &Asked) -> Vec<Finding> {
    let mut by_fact: BTreeMap<&str, Vec<&Unavailable>> = BTreeMap::new();
    for why in &asked.answer.unknown {
        by_fact.entry(&why.fact).or_default().push(why);
    }
    let finding = |(fact, whys): (&str, Vec<&Unavailable>)| {
        let reasons: Vec<&str> = whys.iter().take(NAMED).map(|why| why.reason.as_str()).collect();
        let more = whys.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Finding {
            check: asked.check.name.to_owned(),
            class: asked.class,
            level: Level::Unknown,
            subject: fact.to_owned(),
            message: format!("cannot tell: {}{more}", reasons.join("; ")).into(),
            measured: None,
            threshold: None,
            advice: whys.iter().find_map(|why| why.hint.clone()).unwrap_or_default().into(),
        }
    };
    by_fact.into_iter().map(finding).collect()
}

/// So many reasons stand in one finding.
const NAMED: usize = 3;

impl Tally {
    fn nothing() -> Tally {
        Tally {
            status: Status::Ok,
            findings: Vec::new(),
            silenced: Vec::new(),
            clear: Vec::new(),
            notes: Vec::new(),
            readings: Vec::new(),
            answered: BTreeSet::new(),
        }
    }

    /// The night of a server that could not be looked at.
    pub fn unreachable(why: &str, hint: Option<&str>) -> Tally {
        let mut tally = Tally::nothing();
        tally.cannot_tell("connection", "server", why, hint);
        tally
    }

    /// Adds something outside the checks that kept from an answer.
    pub fn cannot_tell(&mut self, check: &str, subject: &str, why: &str, hint: Option<&str>) {
        self.findings.push(Finding {
            check: check.to_owned(),
            class: Class::Alert,
            level: Level::Unknown,
            subject: subject.to_owned(),
            message: why.into(),
            measured: None,
            threshold: None,
            advice: hint.unwrap_or_default().into(),
        });
        self.status = self.status.or_worse(Status::Unknown);
    }

    /// Adds the connection to the commands of the advice.
    pub fn reached_by(&mut self, connection: &PrintedConnection) {
        let silenced = self.silenced.iter_mut().map(|one| &mut one.finding);
        for finding in self.findings.iter_mut().chain(silenced) {
            finding.advice.reached_by(connection);
        }
        for note in &mut self.notes {
            note.message.reached_by(connection);
        }
    }

    /// Sorts the findings, and sets the status by them.
    fn settle(&mut self, counting: &Counting<'_>) {
        let counts = |finding: &&Finding| finding.class == Class::Alert || counting.hygiene;
        self.findings.sort_by(|a, b| {
            let key = |one: &Finding| (std::cmp::Reverse(one.level), one.class);
            key(a).cmp(&key(b)).then_with(|| (&a.check, &a.subject).cmp(&(&b.check, &b.subject)))
        });
        self.status = self.findings.iter().filter(counts).fold(Status::Ok, |all, one| all.or_worse(one.level.into()));
        let is_required = |one: &Finding| one.level == Level::Unknown && counting.required.contains(&one.check);
        if self.status != Status::Critical && self.findings.iter().any(is_required) {
            self.status = Status::Unknown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        judge::{Answer, CHECKS, Symptom},
        model::Unavailable,
    };

    fn asked(name: &str, levels: &[Level], unknown: bool) -> Asked {
        let check = CHECKS.iter().find(|check| check.name == name).unwrap();
        let mut answer = Answer::default();
        for (at, level) in levels.iter().enumerate() {
            answer.find(Symptom {
                level: *level,
                subject: format!("s{at}"),
                measured: None,
                threshold: None,
                message: "m".into(),
                advice: "a".into(),
            });
        }
        if unknown {
            answer.missing(&Unavailable::because("fact", "denied"));
        }
        Asked { check, class: check.nightly.unwrap().class, answer }
    }

    fn status(asked: &[Asked], counting: &Counting<'_>) -> Status {
        tally(asked, counting, Timestamp::UNIX_EPOCH).status
    }

    #[test]
    fn hygiene_is_listed_and_counts_only_when_it_is_asked_to() {
        let night = [asked("table-bloat", &[Level::Warning], true)];
        assert_eq!(status(&night, &Counting::default()), Status::Ok);
        assert_eq!(status(&night, &Counting { hygiene: true, ..Counting::default() }), Status::Warning);
    }

    #[test]
    fn what_is_known_is_not_hidden_by_what_is_not_unless_it_is_required() {
        let blind = || asked("connections", &[], true);
        let required = Counting { required: ["connections".to_owned()].into(), ..Counting::default() };
        let warned = [blind(), asked("lost-slot", &[Level::Warning], false)];
        let critical = [blind(), asked("lost-slot", &[Level::Critical], false)];
        assert_eq!(status(&[blind()], &Counting::default()), Status::Unknown);
        assert_eq!(status(&warned, &Counting::default()), Status::Warning);
        assert_eq!(status(&warned, &required), Status::Unknown);
        assert_eq!(status(&critical, &required), Status::Critical);
    }

    #[test]
    fn what_several_databases_lack_is_one_finding_with_all_reasons() {
        let mut blind = asked("table-bloat", &[], false);
        for database in ["a", "b", "c", "d"] {
            blind.answer.missing(&Unavailable::because("tables", format!("in database {database}: denied")));
        }
        let tally = tally(&[blind], &Counting::default(), Timestamp::UNIX_EPOCH);
        let [one] = &tally.findings[..] else { panic!("{:?}", tally.findings) };
        let said = format!("{:?}", one.message);
        assert!(said.contains("database c") && said.contains("and 1 more"), "{said}");
    }

    #[test]
    fn a_silence_hides_its_subject_until_its_day_and_is_counted() {
        let silence = |subject: Option<&str>| Silence {
            check: "lost-slot".into(),
            subject: subject.map(|glob| glob::Pattern::new(glob).unwrap()),
            target: None,
            until: Timestamp::from_second(100).unwrap(),
            reason: "known".into(),
        };
        let night = [asked("lost-slot", &[Level::Critical, Level::Critical], true)];
        let at = |second: i64, silences: &[Silence]| {
            let counting = Counting { silences, ..Counting::default() };
            let tally = tally(&night, &counting, Timestamp::from_second(second).unwrap());
            (tally.status, tally.silenced.len())
        };
        assert_eq!(at(99, &[silence(Some("s1"))]), (Status::Critical, 1));
        assert_eq!(at(99, &[silence(Some("s*"))]), (Status::Unknown, 2));
        assert_eq!(at(99, &[silence(None)]), (Status::Ok, 3));
        assert_eq!(at(100, &[silence(None)]), (Status::Critical, 0), "expired ones speak again");
    }
}
