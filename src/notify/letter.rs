//! What one recipient is told of one run.

use crate::{
    model::{
        Level, Status,
        past::{Change, ChangeKind},
    },
    render::{human_duration, sentence, visible},
};
use jiff::Timestamp;
use std::collections::HashMap;

/// One message: all that changed, of all targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    pub at: Timestamp,
    /// The worst of all.
    pub status: Status,
    /// Those where something changed, the worst first.
    pub places: Vec<PlaceChanges>,
}

/// What changed at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceChanges {
    /// A target's name, or an address.
    pub place: String,
    pub status: Status,
    /// Equal where places are databases of one server; `None` where that is not known.
    pub server: Option<String>,
    pub changes: Vec<Change>,
}

/// One thing to tell, and all the places where it is the same thing.
pub(super) struct News<'a> {
    pub(super) places: Vec<&'a str>,
    pub(super) change: &'a Change,
}

/// So many places are named.
const NAMED: usize = 3;

impl News<'_> {
    /// `a, b, c and 497 more`.
    pub(super) fn places(&self) -> String {
        let named = self.places.get(..NAMED).unwrap_or(&self.places).join(", ");
        match self.places.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}

impl Letter {
    pub fn changes(&self) -> usize {
        self.places.iter().map(|place| place.changes.len()).sum()
    }

    /// What there is to tell, in order: what several targets say of their one server is told once.
    pub(super) fn news(&self) -> Vec<News<'_>> {
        let mut news: Vec<News<'_>> = Vec::new();
        let mut told: HashMap<(ChangeKind, &str, Scope<'_>), usize> = HashMap::new();
        for place in &self.places {
            for change in &place.changes {
                let key = Scope::of(place, change).map(|scope| (change.kind, change.finding_id.as_str(), scope));
                match key.as_ref().and_then(|key| told.get(key)) {
                    Some(&at) => news[at].places.push(&place.place),
                    None => {
                        told.extend(key.map(|key| (key, news.len())));
                        news.push(News { places: vec![&place.place], change });
                    }
                }
            }
        }
        news
    }

    /// One line: `shop: CRITICAL: 1 new, 1 recovered`.
    pub fn title(&self) -> String {
        let news = self.news();
        let kinds = [ChangeKind::New, ChangeKind::Worse, ChangeKind::Reminder, ChangeKind::Recovered];
        let counts: Vec<String> = kinds
            .into_iter()
            .map(|kind| (kind, news.iter().filter(|one| one.change.kind == kind).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| format!("{count} {}", word(kind)))
            .collect();
        let place = match &self.places[..] {
            [one] => one.place.clone(),
            more => format!("{} targets", more.len()),
        };
        let is_as_bad = |change: &Change| match change.kind {
            ChangeKind::Reminder => true,
            ChangeKind::Recovered => false,
            ChangeKind::New | ChangeKind::Worse => Status::from(change.level) == self.status,
        };
        // What is new may be less bad than what is known.
        let is_news = self.status == Status::Ok || news.iter().any(|one| is_as_bad(one.change));
        let still = if is_news { "" } else { "still " };
        visible(&format!("pgtend {place}: {still}{}: {}", self.status.name(), counts.join(", "))).into_owned()
    }
}

/// Within what two findings of one name are the same.
#[derive(PartialEq, Eq, Hash)]
enum Scope<'a> {
    Server(&'a str),
    /// What could not be told has no subject of its own: its words must be the same.
    Words(String),
}

impl Scope<'_> {
    fn of<'a>(place: &'a PlaceChanges, change: &Change) -> Option<Scope<'a>> {
        match change.level {
            Level::Unknown => Some(Scope::Words(sentence(&change.message))),
            Level::Warning | Level::Critical => place.server.as_deref().map(Scope::Server),
        }
    }
}

pub(super) fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::New => "new",
        ChangeKind::Worse => "worse",
        ChangeKind::Reminder => "still there",
        ChangeKind::Recovered => "recovered",
    }
}

/// `CRITICAL stale-slot, new: slot x …`, without the advice.
pub(super) fn line(change: &Change, at: Timestamp) -> String {
    let level = change.level.name().to_uppercase();
    let text = sentence(&change.message);
    let lasted = human_duration(u64::try_from(at.duration_since(change.since).as_secs()).unwrap_or(0));
    let line = match change.kind {
        ChangeKind::Recovered => format!("RECOVERED {} after {lasted}; it was: {text}", change.check),
        ChangeKind::Reminder => format!("{level} {}, for {lasted}: {text}", change.check),
        ChangeKind::Worse => format!("{level} {}, worse after {lasted}: {text}", change.check),
        kind => format!("{level} {}, {}: {text}", change.check, word(kind)),
    };
    visible(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(subject: &str, level: Level, message: &str) -> Change {
        Change {
            kind: ChangeKind::New,
            finding_id: format!("stale-slot:{subject}"),
            check: "stale-slot".into(),
            subject: subject.into(),
            level,
            since: Timestamp::UNIX_EPOCH,
            message: message.into(),
            advice: None,
        }
    }

    fn letter(places: &[(&str, Option<&str>, Change)]) -> Letter {
        let place = |(place, server, change): &(&str, Option<&str>, Change)| PlaceChanges {
            place: (*place).into(),
            status: Status::Critical,
            server: server.map(str::to_owned),
            changes: vec![change.clone()],
        };
        Letter { at: Timestamp::UNIX_EPOCH, status: Status::Critical, places: places.iter().map(place).collect() }
    }

    fn told(letter: &Letter) -> Vec<String> {
        letter.news().iter().map(News::places).collect()
    }

    #[test]
    fn what_five_targets_say_of_their_one_server_is_told_once() {
        let slot = |message: &str| change("debezium", Level::Critical, message);
        let names = ["a", "b", "c", "d", "e"];
        let one = letter(&names.map(|name| (name, Some("7 since 1"), slot(&format!("holds {name}")))));
        assert_eq!((told(&one), one.changes()), (vec!["a, b, c and 2 more".to_owned()], 5));
        assert_eq!(one.title(), "pgtend 5 targets: CRITICAL: 1 new");
    }

    #[test]
    fn another_server_another_subject_and_a_server_nobody_knows_are_others() {
        let slot = |subject| change(subject, Level::Critical, "m");
        let other = letter(&[("a", Some("7 since 1"), slot("s")), ("b", Some("7 since 2"), slot("s"))]);
        assert_eq!(told(&other), ["a", "b"], "a copy has the same identifier");
        let other = letter(&[("a", Some("7 since 1"), slot("s")), ("b", Some("7 since 1"), slot("t"))]);
        assert_eq!(told(&other), ["a", "b"]);
        assert_eq!(told(&letter(&[("a", None, slot("s")), ("b", None, slot("s"))])), ["a", "b"]);
    }

    #[test]
    fn what_could_not_be_told_is_the_same_where_its_words_are() {
        let unknown = |message: &str| change("server", Level::Unknown, message);
        let (down, denied) = (unknown("db1 refused"), unknown("no password"));
        let all = letter(&[("a", None, down.clone()), ("b", None, down), ("c", None, denied)]);
        assert_eq!(told(&all), ["a, b", "c"]);
    }
}
