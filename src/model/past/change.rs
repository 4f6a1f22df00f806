//! What is new since the night before, and what has gone: the only things worth a message.

use crate::model::{Class, Finding, Level, Words};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// A finding that an earlier night left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownFinding {
    pub finding_id: String,
    pub check: String,
    pub class: Class,
    pub subject: String,
    pub level: Level,
    /// As it read then.
    pub message: Words,
    /// The first night of it.
    pub since: Timestamp,
    /// When its message was last sent, and how bad it was then; `None` when nobody was told.
    pub told: Option<(Timestamp, Level)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    New,
    Worse,
    /// It lasts, and was told so long ago that it is told again.
    Reminder,
    Recovered,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub kind: ChangeKind,
    pub finding_id: String,
    pub check: String,
    pub subject: String,
    pub level: Level,
    pub since: Timestamp,
    pub message: Words,
    /// Nothing for what has recovered.
    pub advice: Option<Words>,
}

/// What to tell of this night; the worst first, then what has recovered. `known` is what was left behind with what this
/// recipient was told; `asked` are the checks that gave an answer: what another one found before, nobody looked at now.
pub fn changes(
    known: &[KnownFinding],
    now: &[Finding],
    asked: &BTreeSet<&str>,
    at: Timestamp,
    remind_after: SignedDuration,
) -> Vec<Change> {
    let before = |finding: &Finding| known.iter().find(|one| one.finding_id == finding.id());
    let told = |finding: &Finding| before(finding).and_then(|one| one.told);
    // Of what lasts, all is told again when the first is due: one message, not one each.
    let is_due = now.iter().filter_map(told).any(|(told_at, _)| at.duration_since(told_at) >= remind_after);
    let mut changes = Vec::new();
    for finding in now {
        let id = finding.id();
        let before = before(finding);
        let kind = match told(finding) {
            None => ChangeKind::New,
            Some((_, level)) if finding.level > level => ChangeKind::Worse,
            Some(_) if is_due => ChangeKind::Reminder,
            Some(_) => continue,
        };
        changes.push(Change {
            kind,
            finding_id: id,
            check: finding.check.clone(),
            subject: finding.subject.clone(),
            level: finding.level,
            since: before.map_or(at, |one| one.since),
            message: finding.message.clone(),
            advice: Some(finding.advice.clone()),
        });
    }
    for before in known {
        // The end of a chore is no news; some of them, as a reset of counters, are over the night after by themselves.
        let is_news = before.class == Class::Alert;
        let is_over =
            is_news && asked.contains(before.check.as_str()) && now.iter().all(|one| one.id() != before.finding_id);
        if let (true, Some((_, level))) = (is_over, before.told) {
            changes.push(Change {
                kind: ChangeKind::Recovered,
                finding_id: before.finding_id.clone(),
                check: before.check.clone(),
                subject: before.subject.clone(),
                level,
                since: before.since,
                message: before.message.clone(),
                advice: None,
            });
        }
    }
    changes.sort_by(|a, b| {
        let recovered = |change: &Change| change.kind == ChangeKind::Recovered;
        let order = (recovered(a), std::cmp::Reverse(a.level)).cmp(&(recovered(b), std::cmp::Reverse(b.level)));
        order.then_with(|| a.kind.cmp(&b.kind)).then_with(|| a.finding_id.cmp(&b.finding_id))
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    fn finding(check: &str, level: Level) -> Finding {
        Finding {
            check: check.into(),
            class: Class::Alert,
            level,
            subject: "s".into(),
            message: "m".into(),
            measured: None,
            threshold: None,
            advice: "a".into(),
        }
    }

    fn known(check: &str, level: Level, told: Option<(i64, Level)>) -> KnownFinding {
        let finding = finding(check, level);
        KnownFinding {
            finding_id: finding.id(),
            check: check.into(),
            class: Class::Alert,
            subject: "s".into(),
            level,
            message: "m".into(),
            since: night(0),
            told: told.map(|(day, level)| (night(day), level)),
        }
    }

    fn kinds(known: &[KnownFinding], now: &[Finding], asked: &[&str], day: i64) -> Vec<ChangeKind> {
        let asked = asked.iter().copied().collect();
        let week = SignedDuration::from_hours(7 * 24);
        changes(known, now, &asked, night(day), week).into_iter().map(|change| change.kind).collect()
    }

    #[test]
    fn what_lasts_is_not_told_again_before_its_time() {
        let told = known("c", Level::Warning, Some((0, Level::Warning)));
        assert_eq!(kinds(std::slice::from_ref(&told), &[finding("c", Level::Warning)], &["c"], 6), []);
        assert_eq!(kinds(&[told], &[finding("c", Level::Warning)], &["c"], 7), [ChangeKind::Reminder]);
    }

    #[test]
    fn what_nobody_looked_at_has_not_recovered_and_what_nobody_was_told_of_neither() {
        let told = known("c", Level::Warning, Some((0, Level::Warning)));
        assert_eq!(kinds(std::slice::from_ref(&told), &[], &["another"], 1), []);
        assert_eq!(kinds(&[told], &[], &["c"], 1), [ChangeKind::Recovered]);
        assert_eq!(kinds(&[known("c", Level::Warning, None)], &[], &["c"], 1), []);
    }

    #[test]
    fn a_message_that_did_not_get_through_is_new_the_next_night() {
        let untold = known("c", Level::Critical, None);
        assert_eq!(kinds(&[untold], &[finding("c", Level::Critical)], &["c"], 1), [ChangeKind::New]);
    }

    #[test]
    fn worse_is_told_less_bad_is_not_and_the_worst_comes_first() {
        let before = [
            known("a", Level::Warning, Some((0, Level::Warning))),
            known("b", Level::Critical, Some((0, Level::Critical))),
            known("c", Level::Critical, Some((0, Level::Critical))),
        ];
        let now = [finding("b", Level::Warning), finding("a", Level::Critical), finding("d", Level::Unknown)];
        assert_eq!(
            kinds(&before, &now, &["a", "b", "c", "d"], 1),
            [ChangeKind::Worse, ChangeKind::New, ChangeKind::Recovered]
        );
    }
}
